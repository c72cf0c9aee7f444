import { setTimeout as sleep } from "node:timers/promises";
import type { LocalNode } from "../../local-node.ts";
import type { Command } from "../../port.ts";
import type { Connection } from "../connection/connection.ts";
import type { LocalConnection, LocalPresence } from "./local.ts";

export type Kick = Extract<Command, { kind: "kick" }>;

const RETRY_MS = 20;
/** A minute of retries: until then any login has succeeded or failed. */
const MAX_RETRIES = 3_000;

/** Runs commands on this node, and ends its evicted connections. */
export class Evictions {
  readonly #connection: Connection;
  readonly #node: LocalNode;
  readonly #local: LocalPresence;

  constructor(connection: Connection, node: LocalNode, local: LocalPresence) {
    this.#connection = connection;
    this.#node = node;
    this.#local = local;
  }

  /** @returns how many connections the command concerned */
  async run(command: Command): Promise<number> {
    const target = this.#target(command);
    if (target !== undefined && isEviction(command)) this.#local.evict(target);
    const count = await this.#node.sink.command(command);
    if (count === 0 && isEviction(command) && target !== undefined) void this.#retry(command);
    return count;
  }

  /** Ends a connection that another node evicted while this node did not receive commands. */
  end(kick: Kick): void {
    const local = this.#target(kick);
    if (local === undefined || local.state === "evicted") return;
    this.run(kick).catch((error: unknown) => {
      if (!this.#connection.isStopped) this.#node.report("command", error);
    });
  }

  /**
   * Repeats an eviction until the connection has gone. A newer login may overtake this one: the eviction then arrives when the
   * connection is admitted but not a member of any channel yet, and the hub finds no connection to end.
   */
  async #retry(kick: Kick): Promise<void> {
    for (let attempt = 0; attempt < MAX_RETRIES && this.#target(kick) !== undefined; attempt++) {
      await sleep(RETRY_MS, undefined, { ref: false });
      if (this.#connection.isStopped || (await this.#node.sink.command(kick)) > 0) return;
    }
  }

  #target(command: Command): LocalConnection | undefined {
    if (command.kind !== "kick" || command.connection === undefined) return undefined;
    return this.#local.find(command.user, command.connection);
  }
}

/** A kick of one connection, which Redis has removed already. */
const isEviction = (command: Command): command is Kick =>
  command.kind === "kick" && command.connection !== undefined;
