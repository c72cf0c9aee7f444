import { Command } from "commander";
import { type ConfigSources, resolveConfig } from "../../../config/config.ts";
import { TidingsError } from "../../../protocol/protocol.ts";
import { addConfigFlags, configSources } from "../../config-flags.ts";
import { parseId } from "../../names.ts";
import { print, printJson } from "../../output.ts";

/** The directory of a server that names none. */
const DEFAULT = "./data";

/** The command `chat`, with its commands: it works on the chat's database. */
export function chatCommand(): Command {
  return new Command("chat").description("manage the chat's database").addCommand(adminCommand());
}

function adminCommand(): Command {
  const command = new Command("admin")
    .description("make a user of the chat a server administrator, who may manage all groups")
    .argument("<name>", "the user, who has an account", parseId)
    .option("--remove", "make the user a plain user again")
    .option("--json", "print JSON");
  addConfigFlags(command, ({ path }) => path === "data" || path === "chatDatabase");
  return command.action((user: string, flags: AdminFlags) => admin(command, user, flags));
}

interface AdminFlags {
  readonly remove?: true;
  readonly json?: true;
}

async function admin(command: Command, user: string, { remove, json }: AdminFlags): Promise<void> {
  const { setServerAdmin } = await import("../../../chat/chat.ts"); // here, so that other commands start fast
  await setServerAdmin(databaseOf(command), user, remove !== true);
  if (json === true) printJson({ user, admin: remove !== true });
  else print(remove === true ? `${user} is a plain user` : `${user} is a server administrator`);
}

/** The database that the flags, the environment or the file name: other settings of a server do not matter here. */
function databaseOf(command: Command): string {
  const { flags, env = {}, file }: ConfigSources = configSources(command, 1);
  const given = { DATA_DIR: env.DATA_DIR, CHAT_DATABASE: env.CHAT_DATABASE };
  const { data = DEFAULT, chatDatabase } = resolveConfig({ flags, env: given, file });
  if (chatDatabase !== undefined) return chatDatabase;
  if (data !== false) return `sqlite:${data}/chat.db`;
  throw new TidingsError(
    "bad_request",
    "chatDatabase: expected a database (CHAT_DATABASE), because data is false",
  );
}
