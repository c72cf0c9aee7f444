import { Command } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseId } from "../../names.ts";
import { formatTable, print, printJson } from "../../output.ts";
import { parseLimit } from "./limit.ts";

interface UsersFlags extends ApiFlags {
  limit: number;
  cursor?: string;
}

const Users = z.looseObject({
  users: z.array(
    z.looseObject({ user: z.string(), connections: z.number(), platforms: z.array(z.string()) }),
  ),
  count: z.number(),
  cursor: z.string().nullish(),
});

const Connections = z.looseObject({
  connections: z.array(
    z.looseObject({
      id: z.string(),
      platform: z.string(),
      device: z.string(),
      node: z.string(),
      connectedAt: z.number(),
    }),
  ),
});

/** The command `users`: lists the users who are online, or the connections of one. */
export function usersCommand(): Command {
  const command = new Command("users")
    .description("list the users who are online, or the connections of one user")
    .argument("[user]", "list the connections of this user", parseId)
    .option("--limit <count>", "users per page", parseLimit, 100)
    .option("--cursor <cursor>", "continue after the page that printed this cursor");
  return addApiFlags(command, "read").action((user: string | undefined, flags: UsersFlags) =>
    user === undefined ? listUsers(flags) : listConnections(user, flags),
  );
}

async function listUsers(flags: UsersFlags): Promise<void> {
  const query = new URLSearchParams({ limit: String(flags.limit) });
  if (flags.cursor !== undefined) query.set("cursor", flags.cursor);
  const page = await callApi(flags, `/users?${query}`, Users);
  if (flags.json === true) return printJson(page);
  const rows = page.users.map(({ user, connections, platforms }) => [
    user,
    String(connections),
    platforms.join(", "),
  ]);
  print(formatTable(["USER", "CONNECTIONS", "PLATFORMS"], rows));
  const more = typeof page.cursor === "string" ? `; next page: --cursor ${page.cursor}` : "";
  print(`\n${rows.length} of ${page.count} online${more}`);
}

async function listConnections(user: string, flags: UsersFlags): Promise<void> {
  const reply = await callApi(flags, `/users/connections?${new URLSearchParams({ user })}`, Connections);
  if (flags.json === true) return printJson(reply);
  const rows = reply.connections.map(({ id, platform, device, node, connectedAt }) => [
    id,
    platform,
    device,
    node,
    new Date(connectedAt).toISOString(),
  ]);
  print(
    rows.length === 0
      ? `${user} is offline`
      : formatTable(["ID", "PLATFORM", "DEVICE", "NODE", "SINCE"], rows),
  );
}
