/** The server of `npm run bench:chat`: a hub with a chat, over SQLite. It tells the time that its process has worked. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createChat } from "../../src/chat/chat.ts";
import { createHub } from "../../src/index.ts";

/** Tokens for users, a group that they are in, and the address. */
export interface Started {
  readonly url: string;
  readonly group: string;
  readonly tokens: readonly string[];
}

/** Time that the process has worked so far, in milliseconds. */
export interface Worked {
  readonly cpuMs: number;
}

const members = Number(process.argv[2]);
const isDurable = process.argv[3] === "data";
const directory = mkdtempSync(join(tmpdir(), "tidings-bench-chat-"));
const hub = createHub({
  jwt: { secret: "a secret of the bench, of 32 bytes" },
  data: isDurable ? directory : false,
  logLevel: "silent",
  // Each member gets all messages: a queue that is full would cost them.
  websocket: { messageBufferSize: 100_000, maxPendingBytes: 268_435_456 },
});
const chat = createChat({ hub, database: `sqlite:${join(directory, "chat.db")}` });
await chat.ready;
const { url } = await hub.listen({ port: 0, host: "127.0.0.1" });

async function call(token: string, operation: string, body: object): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${url}/chat/${operation}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${operation}: ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}

const users = Array.from({ length: members }, (_, index) => `user-${index}`);
const tokens = await Promise.all(users.map((user) => hub.token({ user })));
const { group } = await call(tokens[0] ?? "", "create", { name: "bench", open: true });
for (const token of tokens.slice(1)) await call(token, "join", { group });

process.on("message", async (order) => {
  if (order === "worked") {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMs: (user + system) / 1_000 } satisfies Worked);
    return;
  }
  await hub.close();
  await chat.close();
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
});
process.send?.({ url, group: String(group), tokens } satisfies Started);
