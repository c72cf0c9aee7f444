import { hostname } from "node:os";
import type { Config } from "./shape.ts";

/** Id of a node: `node.id`, else its address and port, else its pod, else host name and process id. */
export function nodeId({ node }: Pick<Config, "node">): string {
  const { id, ip, port, pod } = node;
  const address = ip === undefined || port === undefined ? undefined : `${ip}:${port}`;
  return id ?? address ?? pod ?? `${hostname()}-${process.pid}`;
}
