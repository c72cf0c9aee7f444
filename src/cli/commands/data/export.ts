import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import { addDataFlags, directoryOf } from "./directory.ts";

/** The command `export`: writes the data of a directory as JSON lines. */
export function exportCommand(): Command {
  const command = new Command("export")
    .description("write the data of a directory as JSON lines, also while a server uses it")
    .option("--to <file>", "file to write, which must not exist; without it standard output");
  return addDataFlags(command).action(async ({ to }: { to?: string }) => {
    const { exportData } = await import("../../../backplane/backplane.ts"); // here, so that other commands start fast
    const lines = Readable.from(withBreaks(exportData(directoryOf(command))));
    // Messages are nobody else's business.
    if (to !== undefined) await pipeline(lines, createWriteStream(to, { flags: "wx", mode: 0o600 }));
    else await pipeline(lines, process.stdout, { end: false }).catch(unlessClosed);
  });
}

/** A reader such as `head` has enough. */
function unlessClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}

/** Lines in blocks, because a write for each takes longer than the line. */
function* withBreaks(lines: Iterable<string>): Generator<string> {
  let block = "";
  for (const line of lines) {
    block += `${line}\n`;
    if (block.length < 65_536) continue;
    yield block;
    block = "";
  }
  yield block;
}
