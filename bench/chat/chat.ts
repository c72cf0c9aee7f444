/**
 * `npm run bench:chat`: chat messages end to end. Half of the members of a group of 100 write into it, and each message goes through policy (a query), content check,
 * history and fan-out to the others. The figure is messages in a second of the server's processor time, with the wall-clock rate beside it.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { judge } from "../report/promise.ts";
import type { Started, Worked } from "./server.ts";

const { values } = parseArgs({
  options: {
    members: { type: "string", default: "100" },
    senders: { type: "string", default: "50" },
    messages: { type: "string", default: "20000" },
    window: { type: "string", default: "20" },
  },
});
const [members, senders, messages, window] = [
  values.members,
  values.senders,
  values.messages,
  values.window,
].map(Number) as [number, number, number, number];
if (![members, senders, messages, window].every((value) => Number.isSafeInteger(value) && value >= 1)) {
  throw new Error("--members, --senders, --messages, --window: expected whole numbers from 1");
}

const SERVER = fileURLToPath(new URL("server.ts", import.meta.url));
const TYPE = Buffer.from('"type":"chat"');

async function worked(server: ChildProcess): Promise<number> {
  server.send("worked");
  const [{ cpuMs }] = (await once(server, "message")) as [Worked];
  return cpuMs;
}

/** Connects a member, who counts what arrives. */
async function connect(url: string, token: string, received: () => void): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws?token=${token}&platform=bench`);
  const welcomed = once(socket, "message");
  socket.on("message", (data: Buffer) => {
    if (data.includes(TYPE)) received();
  });
  await welcomed;
  return socket;
}

/** Writes messages, some of them without waiting for the replies of those before. Resolves with the last reply. */
function write(socket: WebSocket, group: string, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let [sent, answered] = [0, 0];
    const next = (): void => {
      if (sent === count) return;
      const data = {
        type: "chat",
        group,
        data: { text: `message ${sent}, of the length of a short sentence` },
      };
      socket.send(JSON.stringify({ id: ++sent, action: "message.send", data }));
    };
    const onMessage = (data: Buffer): void => {
      if (data.includes(TYPE)) return;
      const reply = JSON.parse(String(data)) as { id?: number; error?: unknown };
      if (reply.error !== undefined) reject(new Error(JSON.stringify(reply)));
      if (reply.id === undefined) return;
      next();
      if (++answered < count) return;
      socket.off("message", onMessage);
      resolve();
    };
    socket.on("message", onMessage);
    for (let index = 0; index < window; index++) next();
  });
}

/** The promise: chat messages for each second of the server's processor time. */
const LEAST_RATE = 5_000;

async function measure(title: string, mode: "data" | "memory"): Promise<void> {
  const server = fork(SERVER, [String(members), mode]);
  const [{ url, group, tokens }] = (await once(server, "message")) as [Started];
  let left = 0;
  let all = Promise.withResolvers<void>();
  const received = (): void => {
    if (--left === 0) all.resolve();
  };
  const sockets = await Promise.all(tokens.map((token) => connect(url, token, received)));
  const writers = sockets.slice(0, senders);
  /** Writes messages, and waits until each member has all of them. */
  const round = async (each: number): Promise<void> => {
    left = each * senders * (members - 1);
    all = Promise.withResolvers();
    await Promise.all([...writers.map((socket) => write(socket, group, each)), all.promise]);
  };
  const each = Math.floor(messages / senders);
  // Code is compiled in its first seconds.
  await round(Math.ceil(each / 5));
  const [cpu, time] = [await worked(server), performance.now()];
  await round(each);
  const seconds = (performance.now() - time) / 1_000;
  const cpuSeconds = ((await worked(server)) - cpu) / 1_000;
  const rate = (per: number): string => Math.round((each * senders) / per).toLocaleString("en");
  console.log(`${title}: ${rate(cpuSeconds)} messages/s of a core, ${rate(seconds)} messages/s on the clock`);
  judge((each * senders) / cpuSeconds >= LEAST_RATE, `at least ${LEAST_RATE} messages/s of a core`);
  for (const socket of sockets) socket.terminate();
  server.send("end");
  await once(server, "exit");
}

console.log(`${messages} messages of ${senders} senders to ${members} members:`);
await measure("messages in memory, tables in SQLite", "memory");
await measure("messages and tables in SQLite", "data");
