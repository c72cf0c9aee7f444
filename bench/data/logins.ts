import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createHub } from "../../src/index.ts";
import { judge } from "../report/promise.ts";
import { messageOf, openStore } from "./store.ts";

/** Messages that each user finds. */
const EACH = 1_000;

/** The promise: messages that are replayed in a second. */
const LEAST_RATE = 200_000;

export interface LoginOptions {
  readonly users: number;
  readonly print: (text: string) => void;
}

/** Stores messages to users who are away, and lets all of them log in: clients are in another process. */
export async function measureLogins(directory: string, { users, print }: LoginOptions): Promise<void> {
  const { broker, stop } = await openStore(directory);
  for (let number = 0; number < users * EACH; ) {
    const appended: Promise<unknown>[] = [];
    for (let index = 0; index < users; index++) appended.push(broker.append(messageOf(number++, users)));
    await Promise.all(appended);
  }
  await pages(broker, users, print);
  await stop();
  const limits = { connectsPerAddress: "off", loginsPerAddress: "off" };
  const overload = { connectsPerNode: "off", loopPercent: 0 };
  const hub = createHub({ data: directory, logLevel: "silent", limits, overload });
  const { port } = await hub.listen({ port: 0 });
  const before = process.cpuUsage();
  const client = fork(join(import.meta.dirname, "clients.ts"), [String(port), String(users), String(EACH)]);
  const [[ms, clients]] = (await once(client, "message")) as [[number, number]]; // clients.ts sends it
  const { user, system } = process.cpuUsage(before);
  const perMessage = (cpuMs: number): string => `${((cpuMs * 1_000) / (users * EACH)).toFixed(2)} µs`;
  const rate = Math.round((users * EACH * 1_000) / ms);
  print(
    `${users} logins over sockets: ${rate} messages/s (${Math.round(ms)} ms), ` +
      `processor per message: server ${perMessage((user + system) / 1_000)}, clients ${perMessage(clients)}`,
  );
  judge(rate >= LEAST_RATE, `at least ${LEAST_RATE} messages/s to users who log in`);
  client.kill();
  await hub.close();
}

/** Reads all histories in the pages of a replay, without sockets. */
async function pages(
  broker: Awaited<ReturnType<typeof openStore>>["broker"],
  users: number,
  print: (text: string) => void,
): Promise<void> {
  const start = performance.now();
  for (let user = 0; user < users; user++) {
    for (let after = 0; after < EACH; after += 128)
      await broker.history(`user:u${user}`, { after, limit: 128 });
  }
  const ms = performance.now() - start;
  print(`${users} histories in pages of 128: ${Math.round((users * EACH * 1_000) / ms)} messages/s`);
}
