/**
 * `npm run bench:inbound`: what the limits of clients cost an inbound message. Two hubs of their own processes take the same messages by turns, one with
 * limits that nobody reaches, one without any; and a third without any, which shows the noise. Each figure is processor time of the hub. See README.md.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { percentile } from "../measure/statistics.ts";
import { Connection, type ConnectionListener, clientText, DIALECTS } from "../rig/rig.ts";

const { values } = parseArgs({
  options: {
    starts: { type: "string", default: "5" },
    turns: { type: "string", default: "7" },
    messages: { type: "string", default: "50000" },
  },
});
const [starts, turns, messages] = [values.starts, values.turns, values.messages].map(Number) as [
  number,
  number,
  number,
];
if (!(starts >= 1 && turns >= 1 && messages >= 1_000)) {
  throw new Error("--starts, --turns: expected whole numbers from 1; --messages: from 1,000");
}

/** The promise: a message with its limits costs at most so many percent more than without. */
const MAX_PERCENT = 5;
/** Messages between two requests, whose replies pace the sender. */
const BATCH = 1_000;

const SERVER = fileURLToPath(new URL("server.ts", import.meta.url));
const { tidings: dialect } = DIALECTS;

/** Messages by what becomes of them: the fewer work a message is, the more the limits weigh. */
const CASES: Record<string, string> = {
  "to nobody": JSON.stringify({ type: "n", to: "nobody", ephemeral: true, data: "hello" }),
  "to a user": JSON.stringify({ type: "n", to: "bob", ephemeral: true, data: "hello" }),
};

/** A hub in a process of its own, and a client that sends. */
class Subject implements ConnectionListener {
  readonly #process: ChildProcess;
  #sender: Connection | undefined;
  #receiver: Connection | undefined;
  #replied: () => void = () => undefined;

  private constructor(kind: string) {
    this.#process = fork(SERVER, [kind]);
  }

  static async start(kind: string): Promise<Subject> {
    const subject = new Subject(kind);
    const [port] = (await once(subject.#process, "message")) as [number];
    subject.#receiver = await Connection.open({ port, user: "bob", dialect }, silent);
    subject.#receiver.reading = false;
    subject.#sender = await Connection.open({ port, user: "alice", dialect }, subject);
    return subject;
  }

  /** Sends the messages of a turn. @returns microseconds of the hub's processor for each */
  async send(text: string): Promise<number> {
    const frame = clientText(text);
    const batch = Buffer.concat(Array.from({ length: BATCH }, () => frame));
    const before = await this.#cpuUs();
    for (let sent = 0; sent < messages; sent += BATCH) {
      this.#sender?.send(batch);
      await new Promise<void>((resolve) => {
        this.#replied = resolve;
        this.#sender?.send(clientText(dialect.request(sent)));
      });
    }
    return ((await this.#cpuUs()) - before) / messages;
  }

  stop(): void {
    this.#sender?.close();
    this.#receiver?.close();
    this.#process.kill("SIGKILL");
  }

  arrived(): void {}

  message(): void {
    this.#replied();
  }

  fault(_connection: Connection, reason: string): void {
    throw new Error(reason);
  }

  async #cpuUs(): Promise<number> {
    this.#process.send("cpu");
    const [cpuUs] = await once(this.#process, "message");
    return cpuUs;
  }
}

const silent: ConnectionListener = {
  arrived: () => undefined,
  message: () => undefined,
  fault(_connection, reason) {
    throw new Error(reason);
  },
};

const median = (figures: readonly number[]): number =>
  percentile(
    figures.toSorted((one, other) => one - other),
    0.5,
  );

const KINDS = ["without", "with", "without"] as const;
/** Microseconds for each message, by case and by the place in {@link KINDS}. */
const figures = new Map<string, [number[], number[], number[]]>(
  Object.keys(CASES).map((name) => [name, [[], [], []]]),
);
// The code that V8 makes differs from process to process by some percent, so there are several.
for (let start = 0; start < starts; start++) {
  const subjects = await Promise.all(KINDS.map((kind) => Subject.start(kind)));
  for (const text of Object.values(CASES)) for (const subject of subjects) await subject.send(text); // warms up
  for (let turn = 0; turn < turns; turn++) {
    for (const [name, text] of Object.entries(CASES)) {
      for (const [index, subject] of subjects.entries())
        figures.get(name)?.[index]?.push(await subject.send(text));
    }
  }
  for (const subject of subjects) subject.stop();
  console.error(`start ${start + 1} of ${starts}`);
}

const percentOf = (one: number, other: number): number => (one / other - 1) * 100;

console.log(
  `| message | without limits | with limits | more | without, against itself |\n| --- | ---: | ---: | ---: | ---: |`,
);
for (const [name, [without, with_, again]] of figures) {
  const base = median([...without, ...again]);
  const more = percentOf(median(with_), base);
  const noise = percentOf(median(again), median(without));
  const us = (figure: number): string => `${figure.toFixed(2)} µs`;
  console.log(
    `| ${name} | ${us(base)} | ${us(median(with_))} | ${more.toFixed(1)} % | ${noise.toFixed(1)} % |`,
  );
  if (more > MAX_PERCENT) process.exitCode = 1;
}
