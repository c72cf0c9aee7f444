import { setTimeout as sleep } from "node:timers/promises";
import { type Client, connect, type Positions } from "../../../src/client/client.ts";
import { type Channel, channelOf, groupChannel, userChannel } from "../../../src/protocol/protocol.ts";

/** A stored message that a person received. */
export interface Heard {
  readonly kind: "message";
  readonly at: number;
  readonly channel: Channel;
  readonly id: string;
  readonly offset: number;
  /** Undefined before the first position of the channel. */
  readonly epoch: string | undefined;
}

/** The client said that messages of a channel are lost. */
export interface ToldLoss {
  readonly kind: "lost";
  readonly at: number;
  readonly channel: Channel;
}

export type Entry = Heard | ToldLoss;

const RECONNECT = { minMs: 20, maxMs: 500 };
const CONNECT_TIMEOUT_MS = 4_000;
/** Between two attempts to join a group. */
const AGAIN_MS = 200;

/** A user on one device with the SDK, who comes, goes, and comes back with the positions that the application kept. */
export class Person {
  readonly name: string;
  readonly groups: readonly string[];
  /** Stored messages and losses, in the order in which the client told them, over all visits. */
  readonly log: Entry[] = [];
  /** Data of the ephemeral messages that arrived. */
  readonly ephemeral = new Set<string>();
  /** When the person became a member of a channel: later messages are owed. */
  readonly memberSince = new Map<Channel, number>();
  /** Errors that the client reported and that no fault explains. */
  readonly surprises: string[] = [];
  #client: Client | undefined;
  #positions: Positions = {};

  constructor(name: string, groups: readonly string[]) {
    this.name = name;
    this.groups = groups;
  }

  /** The client while the person is here. */
  get client(): Client | undefined {
    return this.#client;
  }

  /** Connects, and joins the groups as soon as it can. */
  come(url: string): void {
    const client = connect(url, {
      user: this.name,
      positions: this.#positions,
      reconnect: RECONNECT,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    });
    this.#client = client;
    client.on("*", (message) => {
      const channel = channelOf(message);
      const { data, offset } = message;
      const id = String(data);
      if (offset === undefined) this.ephemeral.add(id);
      else {
        const epoch = client.positions[channel]?.epoch;
        this.log.push({ kind: "message", at: Date.now(), channel, id, offset, epoch });
      }
    });
    client.onStatus((status) => {
      if (status.type === "lost") this.log.push({ kind: "lost", at: Date.now(), channel: status.channel });
      if (status.type === "closed" && !status.willRetry && this.#client === client) {
        this.surprises.push(`the client gave up: ${status.code} ${status.reason}`);
      }
    });
    client.ready.then(
      () => this.#since(userChannel(this.name)),
      () => undefined,
    );
    for (const group of this.groups) void this.#join(client, group);
  }

  /** Closes the connection, and keeps the positions. */
  async leave(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    this.#client = undefined;
    await client.close();
    this.#positions = client.positions;
  }

  /** Resolves when the person is a member of all its channels. */
  get hasSettled(): boolean {
    return this.memberSince.size === this.groups.length + 1;
  }

  async #join(client: Client, group: string): Promise<void> {
    while (this.#client === client) {
      try {
        await client.join(group);
        this.#since(groupChannel(group));
        return;
      } catch {
        await sleep(AGAIN_MS); // Redis or the node is not there now
      }
    }
  }

  #since(channel: Channel): void {
    if (!this.memberSince.has(channel)) this.memberSince.set(channel, Date.now());
  }
}
