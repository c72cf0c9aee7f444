import type { Command } from "../backplane/backplane.ts";
import type { Connection, Local } from "../local/local.ts";
import { CLOSE, encodeServerFrame } from "../protocol/protocol.ts";
import type { Membership } from "./membership.ts";

/** Does on this node what any node of the cluster asked for. */
export class Commands {
  readonly #local: Local;
  readonly #membership: Membership;

  constructor(local: Local, membership: Membership) {
    this.#local = local;
    this.#membership = membership;
  }

  /** @returns how many connections it concerned */
  async run(command: Command): Promise<number> {
    const connections = this.#local.connectionsOf(command.user);
    if (command.kind === "kick") return kick(connections, command);
    const { group, kind } = command;
    if (kind === "join") await Promise.all(connections.map((each) => this.#join(each, group)));
    else await Promise.all(connections.map((each) => this.#membership.leave(each, group)));
    return connections.length;
  }

  async #join(connection: Connection, group: string): Promise<void> {
    const replay = await this.#membership.join(connection, group);
    await replay();
  }
}

type Kick = Extract<Command, { kind: "kick" }>;

function kick(connections: readonly Connection[], command: Kick): number {
  const { connection: id, platform, cause, reason = CLOSE[cause].reason, notice } = command;
  const meant = connections.filter(
    (each) =>
      each.state === "open" && (id ?? each.id) === each.id && (platform ?? each.platform) === each.platform,
  );
  for (const connection of meant) {
    connection.send(encodeServerFrame({ type: "notice", code: cause, message: reason, data: notice }));
    connection.close(cause, reason);
  }
  return meant.length;
}
