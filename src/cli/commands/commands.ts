import type { Command } from "commander";
import { workerCommand } from "../workers/worker.ts";
import { benchCommand, benchWorkerCommand } from "./bench/bench.ts";
import { chatCommand } from "./chat/admin.ts";
import { checkCommand } from "./data/check.ts";
import { exportCommand } from "./data/export.ts";
import { importCommand } from "./data/import.ts";
import { joinCommand, leaveCommand, memberDataCommand } from "./groups/change.ts";
import { groupsCommand, membersCommand } from "./groups/list.ts";
import { batchCommand } from "./messages/batch.ts";
import { broadcastCommand } from "./messages/broadcast.ts";
import { deleteCommand, editCommand } from "./messages/change.ts";
import { historyCommand } from "./messages/history.ts";
import { listenCommand } from "./messages/listen.ts";
import { searchCommand } from "./messages/search.ts";
import { sendCommand } from "./messages/send.ts";
import { whyCommand } from "./messages/why.ts";
import { capacityCommand } from "./server/capacity.ts";
import { configCommand } from "./server/config.ts";
import { drainCommand } from "./server/drain.ts";
import { limitsCommand } from "./server/limits.ts";
import { nodesCommand } from "./server/nodes.ts";
import { serveCommand } from "./server/serve.ts";
import { tokenCommand } from "./server/token.ts";
import { topCommand } from "./server/top.ts";
import { blockCommand, blocksCommand, unblockCommand } from "./users/block.ts";
import { kickCommand } from "./users/kick.ts";
import { usersCommand } from "./users/list.ts";
import { refreshCommand } from "./users/refresh.ts";

/** Adds all commands: those that work alone, those for the data directory, those that call a running server, and the hidden workers. */
export function addCommands(program: Command): void {
  addGroup(program, "Server:", [serveCommand(), configCommand(), tokenCommand(), capacityCommand()]);
  addGroup(program, "The data directory:", [exportCommand(), importCommand(), checkCommand(), chatCommand()]);
  addGroup(program, "A running server:", [
    sendCommand(),
    broadcastCommand(),
    batchCommand(),
    listenCommand(),
    historyCommand(),
    editCommand(),
    deleteCommand(),
    searchCommand(),
    whyCommand(),
    kickCommand(),
    blockCommand(),
    unblockCommand(),
    blocksCommand(),
    refreshCommand(),
    usersCommand(),
    groupsCommand(),
    membersCommand(),
    joinCommand(),
    leaveCommand(),
    memberDataCommand(),
    nodesCommand(),
    topCommand(),
    drainCommand(),
    limitsCommand(),
    benchCommand(),
  ]);
  program.addCommand(workerCommand(), { hidden: true });
  program.addCommand(benchWorkerCommand(), { hidden: true });
}

function addGroup(program: Command, heading: string, commands: readonly Command[]): void {
  for (const command of commands) {
    command.helpGroup(heading).showHelpAfterError(`(options: tidings ${command.name()} --help)`);
    command.configureOutput({ outputError: (text, write) => write(withoutValues(text)) });
    program.addCommand(command);
  }
}

/** An error of the parser quotes what it was given: a secret, if the name of its flag has a typing error. */
const withoutValues = (text: string): string =>
  text.replace(/'(--?[^'=\s]+)(?! <\w+>')[=\s][^']*'/gs, "'$1'");
