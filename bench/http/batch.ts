/**
 * `npm run bench:batch`: CPU time of the server for a message, by `POST /batch` of 1,000 and by `POST /ws/message`, by turns. The hub
 * is in a process of its own, in memory, with users online who read nothing; the client sends over kept connections.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { createHub } from "../../src/index.ts";
import { summarise } from "../measure/statistics.ts";

const MESSAGES = 10_000;
const BATCH = 1_000;
const ROUNDS = 5;
const IN_FLIGHT = 16;

if (process.argv[2] === "server") await serve();
else await main();

async function serve(): Promise<void> {
  const hub = createHub({
    logLevel: "silent",
    limits: { http: { rate: "off" } },
    overload: { loopPercent: 0 },
  });
  const { url } = await hub.listen({ port: 0, host: "127.0.0.1" });
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
  process.on("disconnect", () => void hub.close());
  process.send?.(url);
}

async function main(): Promise<void> {
  const child = fork(import.meta.filename, ["server"], { stdio: "inherit" });
  const [url] = (await once(child, "message")) as [string];
  const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  const cpu = async (): Promise<number> => {
    child.send("usage");
    const [usage] = await once(child, "message");
    return usage;
  };
  const measure = async (send: () => Promise<void>): Promise<number> => {
    const before = await cpu();
    await send();
    return ((await cpu()) - before) / MESSAGES;
  };
  const post = (path: string, body: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const call = request(url + path, { method: "POST", agent, headers }, (response) => {
        response.resume();
        response.on("end", () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`)),
        );
      });
      call.on("error", reject);
      call.end(body);
    });
  const messageOf = (n: number) => ({
    to: `user-${n % 1_000}`,
    type: "chat",
    data: { text: `message ${n}` },
  });
  const single = async (): Promise<void> => {
    let n = 0;
    const work = async (): Promise<void> => {
      while (n < MESSAGES) await post("/ws/message", JSON.stringify(messageOf(n++)));
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  };
  const batched = async (): Promise<void> => {
    for (let from = 0; from < MESSAGES; from += BATCH) {
      const operations = Array.from({ length: BATCH }, (_, n) => ({ op: "send", ...messageOf(from + n) }));
      await post("/batch", JSON.stringify({ operations }));
    }
  };
  await single(); // warms up
  await batched();
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ single: await measure(single), batch: await measure(batched) });
  }
  const [one, many] = [
    summarise(rounds.map((each) => each.single)),
    summarise(rounds.map((each) => each.batch)),
  ];
  const ratio = summarise(rounds.map((each) => each.single / each.batch));
  console.log(`CPU time of the server for a message, median of ${ROUNDS} rounds (lowest–highest):`);
  for (const [name, { median, low, high }] of [
    ["POST /ws/message", one],
    ["POST /batch of 1,000", many],
  ] as const)
    console.log(`${name.padEnd(22)} ${median.toFixed(1)} µs (${low.toFixed(1)}–${high.toFixed(1)})`);
  console.log(`${"ratio".padEnd(22)} 1/${ratio.median.toFixed(1)}, required 1/8`);
  child.disconnect();
  agent.destroy();
  if (ratio.median < 8) process.exitCode = 1;
}
