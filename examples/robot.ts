/**
 * A robot that takes part like any user: it sits in a group, answers what is asked there, and echoes what it is
 * told in private. It reconnects and catches up by itself, so nobody it missed goes without an answer.
 *
 *   npx tidings serve
 *   node robot.ts [ws://127.0.0.1:8080/ws]
 *
 * Talk to it from the page at http://127.0.0.1:8080/, in the group `lobby`: "robot, what time is it?"
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

// Stored messages come once, in order, also those of the time when the robot was away.
robot.on("chat", async ({ from, group, data }) => {
  // What the application says is no question, and robots that answer themselves talk for ever.
  if (from === undefined || from === robot.user) return;
  // `Events` is what we expect; what others really send is looked at before it is used.
  if (typeof data?.text !== "string") return;
  // In a group it answers when it is spoken to.
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
