import { Command, InvalidArgumentError } from "commander";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { print, printJson } from "../../output.ts";
import { renderTop, Snapshot, watchTop } from "../../top/top.ts";

interface TopFlags extends ApiFlags {
  once?: true;
  interval: number;
}

/** Groups and clients that are asked for: as many as fit on a high screen. */
const ROWS = 25;

/** Width of a snapshot where there is no terminal. */
const PLAIN_WIDTH = 120;

/** The command `top`: a live view of the nodes, the busiest groups and the slow clients. */
export function topCommand(): Command {
  const command = new Command("top")
    .description("watch the cluster live: nodes, busiest groups, slow clients. Keys: q quit, p pause, s sort")
    .option("--once", "print one snapshot; so it does where there is no terminal")
    .option("--interval <seconds>", "between two snapshots, 1 to 60", parseInterval, 2);
  return addApiFlags(command, "admin").action(async (flags: TopFlags) => {
    const read = (): Promise<Snapshot> =>
      callApi(flags, `/nodes/top?busiest=${ROWS}&slowest=${ROWS}`, Snapshot);
    const { stdin: input, stdout: output } = process;
    if (flags.json === true) return printJson(await read());
    const isColoured = output.isTTY && process.env.NO_COLOR === undefined;
    if (flags.once === true || !output.isTTY) {
      const width = output.isTTY ? output.columns : PLAIN_WIDTH;
      const view = { width, height: Number.POSITIVE_INFINITY, sort: "name", isColoured } as const;
      return print(
        renderTop(await read(), view)
          .map((line) => line.trimEnd())
          .join("\n"),
      );
    }
    await watchTop({ input, output, intervalMs: flags.interval * 1_000, isColoured, read });
    process.exit(); // a call that is under way would hold the process
  });
}

function parseInterval(text: string): number {
  const seconds = Number(text);
  if (seconds >= 1 && seconds <= 60) return seconds;
  throw new InvalidArgumentError("Expected a number of seconds from 1 to 60.");
}
