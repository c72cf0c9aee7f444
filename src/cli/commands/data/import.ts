import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { print, printJson } from "../../output.ts";
import { addDataFlags, directoryOf } from "./directory.ts";

interface ImportFlags {
  from?: string;
  replace?: true;
  keepEpochs?: true;
  json?: true;
}

/** The command `import`: reads JSON lines of `export` into a directory that no server uses. */
export function importCommand(): Command {
  const command = new Command("import")
    .description(
      "read the lines of an export into a data directory that no server uses: all of them, or none",
    )
    .option("--from <file>", "file to read; without it standard input")
    .option("--replace", "remove what the directory has; without it a directory with data is refused")
    .option(
      "--keep-epochs",
      "let clients go on from their positions: only when no server has run on the data since the export",
    )
    .option("--json", "print JSON");
  return addDataFlags(command).action(async ({ from, json, ...options }: ImportFlags) => {
    const { importData } = await import("../../../backplane/backplane.ts"); // here, so that other commands start fast
    const directory = directoryOf(command);
    const input = from === undefined ? process.stdin : createReadStream(from);
    const imported = await importData(directory, createInterface({ input, crlfDelay: Infinity }), options);
    if (json === true) printJson({ directory, ...imported });
    else print(`${imported.lines} lines imported into ${directory}`);
  });
}
