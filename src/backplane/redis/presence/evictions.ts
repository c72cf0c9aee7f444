import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "../../port.ts";
import type { LocalNode } from "../bus/bus.ts";
import type { Connection } from "../connection/connection.ts";
import type { Mirror } from "./local.ts";

type Kick = Extract<Command, { kind: "kick" }>;

const RETRY_MS = 20;
/** A minute: by then any login has ended in one way or the other. */
const MAX_RETRIES = 3_000;

/** Runs the commands for this node, and sees to it that an evicted connection ends. */
export class Evictions {
  readonly #connection: Connection;
  readonly #node: LocalNode;
  readonly #mirror: Mirror;

  constructor(connection: Connection, node: LocalNode, mirror: Mirror) {
    this.#connection = connection;
    this.#node = node;
    this.#mirror = mirror;
  }

  /** @returns how many connections it concerned */
  async run(command: Command): Promise<number> {
    const attendant = this.#target(command);
    if (attendant !== undefined && isEviction(command)) attendant.state = "evicted";
    const count = await this.#node.sink.command(command);
    if (count === 0 && isEviction(command) && attendant !== undefined) void this.#insist(command);
    return count;
  }

  /** A connection of this node was evicted while it could not be told. */
  end(user: string, connection: string): void {
    const attendant = this.#mirror.find(user, connection);
    if (attendant === undefined || attendant.state === "evicted") return;
    this.run({ kind: "kick", cause: "replaced", user, connection }).catch((error: unknown) => {
      if (!this.#connection.isStopped) this.#node.report("command", error);
    });
  }

  /**
   * A newer login may be faster than this one: the eviction comes while the connection is admitted, but not a member of
   * anything yet, and the hub finds nothing to end. So it is asked again until the connection has gone.
   */
  async #insist(kick: Kick): Promise<void> {
    for (let attempt = 0; attempt < MAX_RETRIES && this.#target(kick) !== undefined; attempt++) {
      await sleep(RETRY_MS, undefined, { ref: false });
      if (this.#connection.isStopped || (await this.#node.sink.command(kick)) > 0) return;
    }
  }

  #target(command: Command) {
    if (command.kind !== "kick" || command.connection === undefined) return undefined;
    return this.#mirror.find(command.user, command.connection);
  }
}

const isEviction = (command: Command): command is Kick =>
  command.kind === "kick" && command.cause === "replaced" && command.connection !== undefined;
