#!/usr/bin/env node
import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { addCommands } from "./commands/commands.ts";
import { printFailure } from "./output.ts";

function makeProgram(): Command {
  const program = new Command("tidings")
    .description("realtime messages to users, groups and everyone")
    .version(packageJson.version)
    .addHelpText(
      "after",
      "\nSettings: docs/CONFIGURATION.md. Options of a command: tidings <command> --help",
    );
  addCommands(program);
  return program;
}

try {
  await makeProgram().parseAsync();
} catch (error) {
  printFailure(error, process.argv.includes("--json"));
  process.exit(1);
}
