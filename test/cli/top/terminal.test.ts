import { PassThrough } from "node:stream";
import type { ReadStream, WriteStream } from "node:tty";
import { expect, it } from "vitest";
import { watchTop } from "../../../src/cli/top/top.ts";
import { eventually } from "../../support/eventually.ts";
import { nodeOf, snapshotOf } from "./snapshots.ts";

/** A terminal of 80 × 24 that keeps what was written to it. */
function terminal() {
  let text = "";
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (on: boolean) => modes.push(on),
  });
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
  output.on("data", (bytes) => {
    text += String(bytes);
  });
  return {
    input: input as unknown as ReadStream, // the part of it that is used
    output: output as unknown as WriteStream,
    modes,
    press: (keys: string) => input.write(keys),
    resize(columns: number) {
      output.columns = columns;
      output.emit("resize");
    },
    /** Everything that was written. */
    written: () => text,
    /** The lines of the last screen. */
    screen: () =>
      (text.split("\x1b[H").at(-1) ?? "").split("\r\n").map((line) => line.replace("\x1b[2K", "")),
  };
}

it("a live screen is drawn anew, obeys its keys, and gives the terminal back", async () => {
  const shell = terminal();
  let count = 0;
  let isAway = false;
  const read = async () => {
    if (isAway) throw new Error("connection refused");
    return snapshotOf({
      nodes: [nodeOf("n1", { connections: ++count }), nodeOf("n2", { connections: 999 })],
    });
  };
  const { input, output } = shell;
  const watching = watchTop({ input, output, intervalMs: 5, isColoured: false, read });
  const shows = (text: string) =>
    eventually(`the screen shows ${text}`, () => shell.screen().join("\n").includes(text));

  await shows("q quit");
  expect(shell.modes).toEqual([true]);
  expect(shell.screen()).toHaveLength(24);
  await eventually("it has been read again", () => count > 3);

  shell.press("s");
  await shows("s sort: connections");
  expect(shell.screen().findIndex((line) => line.startsWith("n2"))).toBe(2);

  shell.press("p");
  await shows("PAUSED");
  shell.resize(40);
  expect(Math.max(...shell.screen().map(({ length }) => length))).toBeLessThanOrEqual(40);
  shell.press("p");

  isAway = true;
  await shows("connection refused");
  isAway = false;
  await eventually("the problem is over", () => !shell.screen().join().includes("connection refused"));

  shell.press("q");
  await watching;
  expect(shell.modes).toEqual([true, false]);
  expect(shell.written().startsWith("\x1b[?1049h\x1b[?25l")).toBe(true);
  expect(shell.written().endsWith("\x1b[?25h\x1b[?1049l")).toBe(true);
});

it("a first snapshot that fails leaves the terminal as it is", async () => {
  const { input, output, modes, written } = terminal();
  const read = () => Promise.reject(new Error("connection refused"));

  await expect(watchTop({ input, output, intervalMs: 5, isColoured: false, read })).rejects.toThrow(
    "refused",
  );
  expect(modes).toEqual([]);
  expect(written()).toBe("");
});
