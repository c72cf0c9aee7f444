/**
 * A robot in the groups of a chat: it answers messages that name it, in each group that it is in or is invited to.
 *
 *   npx tidings serve
 *   node robot.ts [http://127.0.0.1:8080]
 */
import { connect } from "tidings/client";

type Events = { chat: { text?: unknown }; "chat.invited": { group: string } };

const server = process.argv[2] ?? "http://127.0.0.1:8080";
const account = {
  user: process.env.ROBOT ?? "robot",
  password: process.env.ROBOT_PASSWORD ?? "not a secret",
};

async function post(operation: string): Promise<{ token: string } | undefined> {
  const answer = await fetch(`${server}/chat/${operation}`, {
    method: "POST",
    body: JSON.stringify(account),
  });
  return answer.ok ? ((await answer.json()) as { token: string }) : undefined;
}

/** Logs in, the first time with a new account. The client calls it again when the token expires. */
async function token(): Promise<string> {
  const session = (await post("login")) ?? (await post("register"));
  if (session === undefined) throw new Error("the robot's password is wrong: set ROBOT_PASSWORD");
  return session.token;
}

const robot = connect<Events>(`${server.replace("http", "ws")}/ws`, { token });

// Messages come once, in order, also those sent while the robot was away. Clients may send anything, so the text is checked.
robot.on("chat", async ({ from, group, data }) => {
  if (group === undefined || from === account.user || typeof data.text !== "string") return;
  if (!data.text.toLowerCase().includes(account.user)) return;
  const text = /time/i.test(data.text)
    ? `It is ${new Date().toISOString().slice(11, 16)} UTC.`
    : `Hello, ${from}!`;
  await robot.send({ type: "chat", group, data: { text } });
});

robot.on("chat.invited", ({ data: { group } }) => robot.request("chat.join", { group }));

await robot.ready;
console.log(`the robot is there as ${robot.user}`);
process.once("SIGTERM", () => robot.close());
