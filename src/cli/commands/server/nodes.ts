import { Command } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { formatTable, print, printJson } from "../../output.ts";

const Nodes = z.array(
  z.looseObject({
    id: z.string(),
    ip_address: z.string(),
    port: z.number(),
    status: z.string(),
    connections: z.number(),
    ageMs: z.number(),
  }),
);

export function nodesCommand(): Command {
  const command = new Command("nodes").description("list the nodes of the cluster");
  return addApiFlags(command, "read").action(async (flags: ApiFlags) => {
    const nodes = await callApi(flags, "/nodes", Nodes);
    if (flags.json === true) return printJson(nodes);
    const rows = nodes.map(({ id, ip_address, port, status, connections, ageMs }) => [
      id,
      `${ip_address}:${port}`,
      status,
      String(connections),
      `${(ageMs / 1_000).toFixed(1)} s`,
    ]);
    print(formatTable(["NODE", "ADDRESS", "STATUS", "CONNECTIONS", "AGE"], rows));
  });
}
