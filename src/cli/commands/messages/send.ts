import { Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { print, printJson } from "../../output.ts";

interface MessageFlags extends ApiFlags {
  path: string;
  type: string;
  data?: unknown;
  ephemeral?: true;
  key?: string;
}

interface SendFlags extends MessageFlags {
  to?: string;
  group?: string;
}

const Receipt = z.looseObject({
  state: z.string(),
  id: z.string().optional(),
  offset: z.number().optional(),
  connections: z.number().optional(),
  duplicate: z.boolean().optional(),
});

export function sendCommand(): Command {
  const command = new Command("send")
    .description("send a message to a user or a group")
    .addOption(new Option("--to <user>", "the receiving user").conflicts("group"))
    .option("--group <id>", "the receiving group");
  return addMessageFlags(command).action(async (flags: SendFlags) => {
    const { to, group } = flags;
    if (to === undefined && group === undefined) command.error("error: expected --to <user> or --group <id>");
    await publish("message", flags, { to, group });
  });
}

export function broadcastCommand(): Command {
  const command = new Command("broadcast").description("send a message to everyone");
  return addMessageFlags(command).action((flags: MessageFlags) => publish("broadcast", flags, {}));
}

function addMessageFlags(command: Command): Command {
  command
    .requiredOption("--type <type>", "the message's type")
    .option("--data <json>", "the message's data", parseData)
    .option("--ephemeral", "do not store it: who is away misses it")
    .option("--key <key>", "idempotency key: a repeat is sent once")
    .addOption(
      new Option("--path <path>", "the server's path for WebSockets, under which it takes messages")
        .env("WEBSOCKET_PATH")
        .default("/ws"),
    );
  return addApiFlags(command);
}

async function publish(
  name: string,
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
    duplicate === true ? "sent before" : "",
  ];
  const told = facts.filter((fact) => fact !== "").join(", ");
  return told === "" ? state : `${state} (${told})`;
}

function parseData(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError(
      `Expected JSON, such as '{"text":"hi"}' or '"hi"' (with both kinds of quotes).`,
    );
  }
}
