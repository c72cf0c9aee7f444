#!/usr/bin/env node
import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { nodesCommand } from "./nodes.ts";
import { printFailure } from "./output.ts";
import { broadcastCommand, sendCommand } from "./publish.ts";
import { serveCommand } from "./serve.ts";
import { configCommand } from "./show-config.ts";
import { tokenCommand } from "./token.ts";
import { kickCommand, usersCommand } from "./users.ts";
import { workerCommand } from "./worker.ts";

function makeProgram(): Command {
  const program = new Command("tidings")
    .description("realtime messages to users, groups and everyone")
    .version(packageJson.version)
    .addHelpText(
      "after",
      "\nSettings: docs/CONFIGURATION.md. Each command explains itself: tidings serve --help",
    );
  addCommands(program, "Server:", [serveCommand(), configCommand(), tokenCommand()]);
  addCommands(program, "A running server:", [
    sendCommand(),
    broadcastCommand(),
    kickCommand(),
    usersCommand(),
    nodesCommand(),
  ]);
  program.addCommand(workerCommand(), { hidden: true });
  return program;
}

function addCommands(program: Command, heading: string, commands: readonly Command[]): void {
  for (const command of commands) {
    command.helpGroup(heading).showHelpAfterError(`(tidings ${command.name()} --help explains)`);
    program.addCommand(command);
  }
}

try {
  await makeProgram().parseAsync();
} catch (error) {
  printFailure(error, process.argv.includes("--json"));
  process.exit(1);
}
