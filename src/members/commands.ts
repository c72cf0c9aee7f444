import type { Command } from "../backplane/backplane.ts";
import type { Connection, Local, Rewind } from "../local/local.ts";
import { CLOSE, encodeServerFrame } from "../protocol/protocol.ts";
import type { Blocks } from "./blocks.ts";
import { PlacedGroups } from "./placed.ts";

/** Part of `Members` that commands use. */
export interface GroupMembers {
  /** Joins a group. @returns a function that sends the group's position, and replays from the given start if there is one */
  join(connection: Connection, group: string): Promise<(from?: Rewind) => Promise<unknown>>;
  leave(connection: Connection, group: string): Promise<void>;
}

/** Runs commands of any node of the cluster on this node. */
export class Commands {
  readonly #local: Local;
  readonly #members: GroupMembers;
  readonly #blocks: Blocks;
  readonly #refresh: (connection: Connection) => Promise<void>;

  /** @param refresh asks for the rights of a connection again */
  constructor(
    local: Local,
    members: GroupMembers,
    blocks: Blocks,
    refresh: (connection: Connection) => Promise<void>,
  ) {
    this.#local = local;
    this.#members = members;
    this.#blocks = blocks;
    this.#refresh = refresh;
  }

  /** @returns the number of affected connections */
  async run(command: Command): Promise<number> {
    if (command.kind === "kick" && command.cause === "blocked") this.#blocks.note(command.user);
    const all = this.#local.connectionsOf(command.user);
    if (command.kind === "kick") return kick(all, command);
    if (command.kind === "refresh") return this.#refreshAll(all);
    const { group, kind, connection: id, rewind } = command;
    const connections = id === undefined ? all : all.filter((each) => each.id === id);
    if (kind === "join") {
      // A durable membership outlasts the connection, so the backplane knows of it.
      await Promise.all(connections.map((each) => this.#join(each, group, id !== undefined, rewind)));
    } else await Promise.all(connections.map((each) => this.#members.leave(each, group)));
    return connections.length;
  }

  /** @throws the first error, after all connections were asked about */
  async #refreshAll(connections: readonly Connection[]): Promise<number> {
    const outcomes = await Promise.allSettled(connections.map(this.#refresh));
    for (const [index, outcome] of outcomes.entries()) {
      if (outcome.status === "rejected" && connections[index]?.state === "open") throw outcome.reason;
    }
    return connections.length;
  }

  async #join(connection: Connection, group: string, isPlaced: boolean, rewind?: Rewind): Promise<void> {
    if (isPlaced) connection.attached(PlacedGroups).names.add(group);
    try {
      const replay = await this.#members.join(connection, group);
      await replay(rewind);
    } catch (error) {
      connection.attachment(PlacedGroups)?.names.delete(group);
      // The other connections of the user join all the same.
      if (connection.state === "open") throw error;
    }
  }
}

type Kick = Extract<Command, { kind: "kick" }>;

function kick(connections: readonly Connection[], command: Kick): number {
  const { connection: id, platform, cause, reason = CLOSE[cause].reason, notice } = command;
  const kicked = connections.filter(
    (each) =>
      each.state === "open" && (id ?? each.id) === each.id && (platform ?? each.platform) === each.platform,
  );
  for (const connection of kicked) {
    connection.send(encodeServerFrame({ event: "notice", code: cause, message: reason, data: notice }));
    connection.close(cause, reason);
  }
  return kicked.length;
}
