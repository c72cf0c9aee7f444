/**
 * A robot that takes part like any user: it joins a group, answers questions there, and echoes private messages.
 * The client reconnects and gets missed messages, so the robot answers every question.
 *
 *   npx tidings serve
 *   node robot.ts [ws://127.0.0.1:8080/ws]
 *
 * Talk to it from the page at http://127.0.0.1:8080/dev, in the group `lobby`: "robot, what time is it?"
 */
import { connect } from "tidings/client";

interface Events {
  chat: { text: string };
}

const GROUP = "lobby";

const robot = connect<Events>(process.argv[2] ?? "ws://127.0.0.1:8080/ws", {
  user: "robot", // in development mode; elsewhere: token: () => fetchToken()
  platform: "robot",
});

const ANSWERS: readonly [pattern: RegExp, answer: () => string][] = [
  [/\btime\b/i, () => `It is ${new Date().toISOString().slice(11, 16)} UTC.`],
  [/\bping\b/i, () => "pong"],
  [/\bhello\b|\bhi\b/i, () => "Hello!"],
];

const answerTo = (text: string): string =>
  ANSWERS.find(([pattern]) => pattern.test(text))?.[1]() ?? `You said: ${text}`;

// Stored messages come once, in order, also those sent while the robot was offline.
robot.on("chat", async ({ from, group, data }) => {
  // Messages of the application are no questions, and a robot that answers itself never stops.
  if (from === undefined || from === robot.user) return;
  // `Events` declares the expected data. Clients may send anything, so the data is checked before use.
  if (typeof data?.text !== "string") return;
  // In a group the robot answers only messages that name it.
  if (group !== undefined && !/\brobot\b/i.test(data.text)) return;
  const audience = group === undefined ? { to: from } : { group };
  await robot.send({ type: "chat", data: { text: answerTo(data.text) }, ...audience });
});

robot.onStatus((status) => {
  if (status.type === "open") console.log(`open as ${status.welcome.user}`);
  if (status.type === "closed") console.log(`closed: ${status.code} ${status.reason}`);
  if (status.type === "lost") console.log(`messages of ${status.channel} are lost`);
  if (status.type === "error") console.error(status.stage, status.error);
});

process.once("SIGTERM", () => robot.close());

// The client stays a member over all its connections.
await robot.join(GROUP);
console.log(`in ${GROUP}`);
