import { type Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseId } from "../../names.ts";
import { print, printJson } from "../../output.ts";

/** Flags of the commands that publish a message. */
export interface MessageFlags extends ApiFlags {
  path: string;
  type: string;
  data?: unknown;
  ephemeral?: true;
  key?: string;
}

export const Receipt = z.looseObject({
  state: z.string(),
  id: z.string().optional(),
  offset: z.number().optional(),
  connections: z.number().optional(),
  duplicate: z.boolean().optional(),
});

export function addMessageFlags(command: Command): Command {
  command
    .requiredOption("--type <type>", "type of the message")
    .option("--data <json>", "data of the message", parseData)
    .option("--ephemeral", "do not store the message: only users who are online receive it")
    .option("--key <key>", "idempotency key: a duplicate is not sent again", parseId)
    .addOption(
      new Option("--path <path>", "WebSocket path of the server; the API for messages is below it")
        .env("WEBSOCKET_PATH")
        .default("/ws"),
    );
  return addApiFlags(command, "publish");
}

/**
 * Publishes a message through the HTTP API and prints its receipt.
 * @throws TidingsError as {@link callApi}
 */
export async function publish(
  name: "message" | "broadcast",
  flags: MessageFlags,
  target: { to?: string; group?: string },
): Promise<void> {
  const { path, type, data = null, ephemeral, key } = flags;
  const receipt = await callApi(flags, `${path}/${name}`, Receipt, { ...target, type, data, ephemeral, key });
  if (flags.json === true) printJson(receipt);
  else print(describeReceipt(receipt));
}

function describeReceipt({ state, id, offset, connections, duplicate }: z.infer<typeof Receipt>): string {
  const facts = [
    id === undefined ? "" : `id ${id}`,
    offset === undefined ? "" : `offset ${offset}`,
    connections === undefined ? "" : `connections ${connections}`,
    duplicate === true ? "duplicate" : "",
  ];
  const details = facts.filter((fact) => fact !== "").join(", ");
  return details === "" ? state : `${state} (${details})`;
}

export function parseData(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError(
      `Expected JSON, such as '{"text":"hi"}' or '"hi"' (with both kinds of quotes).`,
    );
  }
}
