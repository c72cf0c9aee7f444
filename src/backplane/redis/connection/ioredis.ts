import type { Socket } from "node:net";
import { Cluster, Command, type Redis } from "ioredis";

/*
 * Only this file depends on ioredis beyond its documented API. A minor version may change any of that without notice, so
 * package.json pins the version exactly. Before an upgrade, compare this file with the source of ioredis, then run
 * test/backplane.
 */

/** Tells whether a client takes commands now. */
export const isReady = (client: Redis | Cluster | undefined): boolean => client?.status === "ready";

/**
 * Takes the socket of a connected client away from its parser: from then on the caller writes commands and reads
 * replies. The client still tells when the connection ends.
 * @param client is ready, has no command in flight, and does not reconnect by itself
 */
export function takeSocket(client: Redis, onData: (chunk: Buffer) => void): Socket {
  const { stream } = client;
  stream.removeAllListeners("data");
  return stream.on("data", onData);
}

/** A command that encodes itself, and has a timer of its own. */
export abstract class EncodedCommand extends Command {
  #timer: NodeJS.Timeout | undefined;

  /** Encodes the whole command for a socket, each time that it is sent. */
  protected abstract encode(socket: object): string | Buffer;

  override toWritable(socket: object): string | Buffer {
    return this.encode(socket);
  }

  /**
   * Replaces the timer of the client library. That one is a property, which is deleted in the end, and V8 turns an
   * object that loses a property into a table of some 2 KB. These tables were half of the garbage that a publishing
   * node left to major collections.
   */
  override setTimeout(ms: number): void {
    this.#timer ??= setTimeout(() => this.reject(new Error("Command timed out")), ms);
  }

  /** Must be called when the command has ended, whether it succeeded or failed. */
  stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** The command was not sent: the connection to the master of its slot is being made. */
export class NotConnectedYet extends Error {}

/**
 * Sends a command; on Redis Cluster to the master that has its slot, as far as the client knows. It follows no
 * redirection, unlike the client library: the caller learns of each, and an order among commands stays one.
 * @returns the answer of Redis
 * @throws NotConnectedYet
 */
export function sendCommand(client: Redis | Cluster, command: Command): Promise<unknown> {
  const owner = client instanceof Cluster ? ownerOf(client, command.getSlot()) : client;
  return owner.sendCommand(command) as Promise<unknown>; // always a promise: the command has no callback
}

/** The client of the master that has a slot. */
function ownerOf(cluster: Cluster, slot: number): Redis {
  const [key] = cluster.slots[slot] ?? [];
  const pool = Reflect.get(cluster, "connectionPool") as {
    getInstanceByKey: (key?: string) => Redis | undefined;
  };
  const owner = pool.getInstanceByKey(key);
  if (owner?.status === "ready") return owner;
  if (owner?.status === "wait") owner.connect().catch(() => undefined); // the next command finds out
  if (owner !== undefined && CONNECTING.has(owner.status))
    throw new NotConnectedYet("connecting to a master");
  cluster.refreshSlotsCache(); // it also makes another client where one has ended
  // The master has left, and the list of slots is older than that.
  if (owner === undefined) throw new NotConnectedYet("looking for the master of a slot");
  throw new Error("there is no connection to a master of the Redis Cluster");
}

const CONNECTING: ReadonlySet<string> = new Set(["wait", "connecting", "connect"]);

/** Names the master that has a slot, as far as the client knows; undefined where there are no slots. */
export const masterOf = (client: Redis | Cluster | undefined, slot: number): string | undefined =>
  client instanceof Cluster ? client.slots[slot]?.[0] : undefined;

/** False for the client of a server without slots, as far as the client of the Redis Cluster knows. */
export function hasSlots(client: Redis | Cluster | undefined, { options: { host, port } }: Redis): boolean {
  if (!(client instanceof Cluster)) return true;
  return client.slots.some(([master]) => master === `${host}:${port}`);
}

/** Slot of a key in a Redis Cluster. */
export const slotOf = (key: string): number => new Command("get", [key]).getSlot();

/** Looks up again which master has which slot. */
export function refreshSlots(client: Redis | Cluster): void {
  if (client instanceof Cluster) client.refreshSlotsCache();
}
