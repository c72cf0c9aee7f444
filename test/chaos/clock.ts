import { readFileSync } from "node:fs";

/**
 * Loaded into a node before its program (`node --import`): moves the clock of the process by the milliseconds that stand
 * in the file CHAOS_CLOCK. Monotonic clocks run on, as they do when a real clock is set.
 */
const path = process.env.CHAOS_CLOCK ?? "";
const READ_EVERY_MS = 100;
const RealDate = Date;

let offsetMs = 0;
function read(): void {
  try {
    offsetMs = Number(readFileSync(path, "utf8"));
  } catch {
    // Not written yet.
  }
}

const now = (): number => RealDate.now() + offsetMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  get: (target, name, receiver) => (name === "now" ? now : Reflect.get(target, name, receiver)),
});
read();
setInterval(read, READ_EVERY_MS).unref();
