#!/usr/bin/env node
import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { broadcastCommand, sendCommand } from "./commands/messages/send.ts";
import { configCommand } from "./commands/server/config.ts";
import { nodesCommand } from "./commands/server/nodes.ts";
import { serveCommand } from "./commands/server/serve.ts";
import { tokenCommand } from "./commands/server/token.ts";
import { kickCommand, usersCommand } from "./commands/users/list.ts";
import { printFailure } from "./output.ts";
import { workerCommand } from "./workers/worker.ts";

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
