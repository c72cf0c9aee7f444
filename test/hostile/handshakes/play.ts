import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { conversation } from "./steps.ts";

/** One connection of the generator: what is written, and how it ends. */
export interface Case {
  readonly pieces: readonly Buffer[];
  /** Bytes that are written before the end: a half of something, as a rule. */
  readonly bytes: number;
  readonly ending: "reset" | "end" | "destroy" | "stay";
  /** Milliseconds between the last byte and the end. */
  readonly waitMs: number;
  /** False: the answers stay unread. */
  readonly reads: boolean;
}

const cases: fc.Arbitrary<Case> = conversation.chain((pieces) => {
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  return fc.record({
    pieces: fc.constant(pieces),
    bytes: fc.oneof({ weight: 2, arbitrary: fc.constant(total) }, fc.nat(total)),
    ending: fc.constantFrom("reset", "end", "destroy", "stay"),
    waitMs: fc.constantFrom(0, 0, 1, 5, 20),
    reads: fc.constantFrom(true, true, false),
  });
});

/** Cases that are made at a time. The first ones of a batch are closer to the limits of each value. */
const BATCH = 50;

/** The cases of a seed from a number on. One number always is one case. */
export function* casesFrom(seed: number, first = 0): Generator<readonly [number, Case]> {
  for (let batch = Math.floor(first / BATCH); ; batch++) {
    const made = fc.sample(cases, { seed: seed + batch, numRuns: BATCH });
    for (const [index, each] of made.entries()) {
      const number = batch * BATCH + index;
      if (number >= first) yield [number, each];
    }
  }
}

/** A socket that stays is ended after this time. */
const STAY_MS = 50;

/** Plays a case against a port of this machine. Never rejects: whatever the server does to the socket is right. */
export async function play({ pieces, bytes, ending, waitMs, reads }: Case, port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  if (reads) socket.resume();
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  let left = bytes;
  for (const piece of pieces) {
    if (left <= 0 || socket.destroyed) break;
    await written(socket, piece.subarray(0, left));
    left -= piece.length;
  }
  if (waitMs > 0) await Promise.race([sleep(waitMs), closed]);
  if (ending === "end") socket.end();
  if (ending === "reset") socket.resetAndDestroy();
  if (ending === "end" || ending === "stay") await Promise.race([sleep(STAY_MS), closed]);
  socket.destroy();
  await closed;
}

/** Resolves when the kernel has the bytes, or does not take them: a server may have stopped reading. */
function written(socket: Socket, bytes: Uint8Array): Promise<unknown> {
  return Promise.race([new Promise((resolve) => socket.write(bytes, resolve)), sleep(STAY_MS)]);
}
