import { Command, Option } from "commander";
import { z } from "zod";
import { type Client, connect } from "../../../client/client.ts";
import { TidingsError } from "../../../protocol/protocol.ts";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseId } from "../../names.ts";
import { print, printable, printJson } from "../../output.ts";
import { lineOf, Push } from "./line.ts";

interface ListenFlags extends ApiFlags {
  user: string;
  group: string[];
  device: string;
  path: string;
  token?: string;
}

const DESCRIPTION =
  "print the messages that a user gets, until Ctrl+C. The user is online meanwhile. The first time it prints what the " +
  "user still has, and later what came since: it acknowledges messages under a device name of its own";

/** The command `listen`: connects as a user and prints the messages. */
export function listenCommand(): Command {
  const command = new Command("listen")
    .description(DESCRIPTION)
    .requiredOption("--user <id>", "the user", parseId)
    .option("--group <id>", "join this group too; may be repeated", addGroup, [])
    .option("--device <name>", "device under whose name messages are acknowledged", parseId, "tidings-listen")
    .addOption(
      new Option(
        "--token <token>",
        "token of the user; without it the API key mints one, or development mode needs none",
      ).env("TIDINGS_TOKEN"),
    )
    .addOption(
      new Option("--path <path>", "WebSocket path of the server").env("WEBSOCKET_PATH").default("/ws"),
    );
  return addApiFlags(command, "admin").action(listen);
}

const addGroup = (text: string, groups: string[]): string[] => [...groups, parseId(text)];

/** @throws TidingsError why the server ended the session for good */
async function listen(flags: ListenFlags): Promise<void> {
  const { user, group: groups, device, json } = flags;
  const client = connect(webSocketUrl(flags), { ...(await credentialsOf(flags)), device });
  const show = (message: unknown): void => {
    if (json === true) printJson(message);
    else print(lineOf(Push.parse(message)));
  };
  client.on("*", (message) => show(message));
  const ended = endOf(client);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void client.close());
  try {
    await Promise.race([client.ready, ended]);
    await Promise.all(groups.map((group) => client.join(group)));
    tell(`listening as ${user}${groups.length === 0 ? "" : `, in ${groups.join(", ")}`}`);
    await ended;
  } finally {
    await client.close();
  }
}

/** Resolves when the user ends the command, and tells of outages meanwhile. @throws TidingsError when the server ends it */
const endOf = (client: Client): Promise<void> =>
  new Promise((resolve, reject) => {
    client.onStatus((status) => {
      if (status.type === "lost")
        tell(`messages of ${status.channel} were lost: the server no longer has them`);
      if (status.type !== "closed") return;
      const { code, reason, willRetry } = status;
      if (willRetry) return tell(`disconnected (${code} ${reason}), connecting again`);
      reject(new TidingsError("unavailable", `the server closed the connection with ${code}: ${reason}`));
    });
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });

/** Words for the person go to standard error, so that standard output has messages only. */
const tell = (text: string): void => void process.stderr.write(`${printable(text)}\n`);

const Minted = z.looseObject({ token: z.string() });

/** A token, or a function that mints one for each attempt; in development mode the user's name. */
async function credentialsOf(
  flags: ListenFlags,
): Promise<{ token: string | (() => Promise<string>) } | { user: string }> {
  const { token, user, group: groups } = flags;
  if (token !== undefined) return { token };
  // As ids, because a name with an asterisk would be a pattern.
  const can = { join: groups.map((group) => ({ group })) };
  const mint = async (): Promise<string> => (await callApi(flags, "/tokens", Minted, { user, can })).token;
  try {
    const first = await mint();
    let unused: string | undefined = first;
    return {
      token: async () => {
        const next = unused ?? (await mint());
        unused = undefined;
        return next;
      },
    };
  } catch (error) {
    // In development mode there is no secret to sign with.
    if (error instanceof TidingsError && error.code === "not_found") return { user };
    if (error instanceof TidingsError && error.code === "unauthorized") {
      throw new TidingsError(
        "unauthorized",
        `${error.message}, or pass the user's token (--token, TIDINGS_TOKEN)`,
      );
    }
    throw error;
  }
}

const webSocketUrl = ({ url, path }: ListenFlags): string =>
  `${url.replace(/\/+$/, "").replace(/^http/, "ws")}${path}`;
