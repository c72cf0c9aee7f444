import { Command } from "commander";
import { print, printJson } from "../../output.ts";
import { addDataFlags, directoryOf } from "./directory.ts";

/** The command `check`: exits with 1 when the file is not as it should be. */
export function checkCommand(): Command {
  const command = new Command("check")
    .description("check the file of a data directory: its pages, and that offsets have no hole and no repeat")
    .option("--json", "print JSON");
  return addDataFlags(command).action(async ({ json }: { json?: true }) => {
    const { checkData } = await import("../../../backplane/backplane.ts"); // here, so that other commands start fast
    const directory = directoryOf(command);
    const checked = checkData(directory);
    const { channels, messages, problems } = checked;
    if (json === true) printJson({ directory, ...checked });
    else {
      for (const problem of problems) print(problem);
      const verdict = problems.length === 0 ? "no problems" : `${problems.length} problems`;
      print(`${verdict} in ${directory}: ${messages} messages in ${channels} channels`);
    }
    if (problems.length > 0) process.exitCode = 1;
  });
}
