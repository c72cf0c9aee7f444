/** A hub in a process of its own that publishes stored messages when it is told to, and says what they cost. */
import { setImmediate as turn } from "node:timers/promises";
import { createHub } from "../../src/index.ts";
import type { MessageSink } from "../../src/log/log.ts";

/** Publishes of a batch, and users who get them. */
const BATCH = 100;

/** What a message costs, in microseconds. */
export interface Cost {
  /** Time of the publishes, while the log writes beside them. */
  readonly publishUs: number;
  /** Processor time of all threads, until the log has written everything. */
  readonly cpuUs: number;
}

/** A sink that writes nothing: what is left is the queue and the records. */
const nothing: MessageSink = { write: async () => undefined };

const [, , target = "off"] = process.argv;
const hub = createHub({
  logLevel: "silent",
  overload: { loopPercent: 0 },
  messageLog: target === "nothing" ? nothing : target === "off" ? undefined : target,
  messageLogLimits: { records: 10_000_000, bytes: 4_000_000_000 },
});
await hub.ready;

const waiting = async (): Promise<number> => {
  const text = await (await hub.fetch(new Request("http://localhost/metrics"), "127.0.0.1")).text();
  return Number(/^tidings_message_log_waiting (\d+)/m.exec(text)?.[1] ?? 0);
};

async function publish(messages: number): Promise<Cost> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  for (let sent = 0; sent < messages; sent += BATCH) {
    const batch = Array.from({ length: BATCH }, (_, index) =>
      hub
        .user(`u${index}`)
        .send({ type: "chat", from: "alice", data: { text: "Hello, how are you?", n: sent } }),
    );
    await Promise.all(batch);
    await turn();
  }
  const publishUs = ((performance.now() - started) * 1_000) / messages;
  while ((await waiting()) > 0) await turn();
  const { user, system } = process.cpuUsage(cpu);
  return { publishUs, cpuUs: (user + system) / messages };
}

process.on("message", (messages: number) => void publish(messages).then((cost) => process.send?.(cost)));
process.send?.("ready");
