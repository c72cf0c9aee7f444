/** `node bench/why/recorder.ts`: processor time of one record of the flight recorder, by turns with the same loop without it. */
import type { Message } from "../../src/backplane/backplane.ts";
import { FlightRecorder } from "../../src/why/why.ts";

const MESSAGES = 400_000;
const ROUNDS = 9;
const MET = { connections: 1, dropped: 0 };

const recorder = new FlightRecorder(32_768, Date.now);

/** A message with an id and a channel that nobody has read yet, as a publisher makes them. */
const message = (n: number): Message => ({
  id: `q1w2e3r4-0z${n.toString(36).padStart(4, "0")}`,
  channel: `user:user-${n % 1_000}`,
  type: "bench",
  body: "{}",
  timestamp: 1_764_000_000_000 + n,
  ...(n % 2 === 0 ? { from: `user-${n % 77}` } : {}),
});

/** @returns nanoseconds of processor time for each message */
function run(record: (message: Message) => void): number {
  const before = process.cpuUsage();
  for (let n = 0; n < MESSAGES; n++) record(message(n));
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / MESSAGES;
}

const on = (made: Message): void => recorder.delivered(made, MET);
let made = 0;
const off = ({ timestamp }: Message): void => {
  made += timestamp % 2; // or the loop would be empty
};

run(on);
run(off);
const costs = Array.from({ length: ROUNDS }, () => run(on) - run(off)).sort((one, other) => one - other);
console.log(
  `a record: ${costs[Math.floor(ROUNDS / 2)]?.toFixed(0)} ns (${costs[0]?.toFixed(0)} … ${costs.at(-1)?.toFixed(0)})`,
);
console.log(`checked: ${made}, ${(recorder.bytes / 1_048_576).toFixed(1)} MiB`);
