import type { Socket } from "node:net";
import { type Cluster, Command, type Redis } from "ioredis";

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

/** Sends a command. @returns the answer of Redis */
export const sendCommand = (client: Redis | Cluster, command: Command): Promise<unknown> =>
  client.sendCommand(command) as Promise<unknown>; // always a promise: the command has no callback
