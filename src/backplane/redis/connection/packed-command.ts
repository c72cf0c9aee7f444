import type { Cluster, Redis } from "ioredis";
import { giveBuffer, takeBuffer } from "./buffer-pool.ts";
import { EncodedCommand, sendCommand } from "./ioredis.ts";

/** Payloads from this length on are written into pooled buffers. */
const LARGE = 4_096;
/** Room before the payload for the opening of the command: the longest script takes less than half of it. */
const OPENING_BYTES = 24 * 1_024;

/** One argument as Redis reads it: RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/#bulk-strings */
export const pack = (argument: string | number): string =>
  `$${Buffer.byteLength(String(argument))}\r\n${argument}\r\n`;

/** The command that publishes a payload, in pieces: joining them would copy the payload once more. */
export const publishOf = (channel: string, payload: string): string[] => [
  `*3\r\n${pack("PUBLISH")}${pack(channel)}$${Buffer.byteLength(payload)}\r\n`,
  payload,
  "\r\n",
];

/**
 * A command whose last part is a long payload, encoded here. The client library would copy the payload into memory that
 * it uses only once (buffer-pool.ts).
 */
export abstract class PackedCommand extends EncodedCommand {
  readonly #payload: string;
  readonly #buffer: Buffer | undefined;
  readonly #end: number;

  /** @param payload the last arguments, as Redis reads them */
  constructor(name: string, args: string[], payload: string) {
    super(name, args, { replyEncoding: "utf8" });
    const isLarge = payload.length >= LARGE;
    this.#payload = isLarge ? "" : payload;
    this.#buffer = isLarge ? takeBuffer(OPENING_BYTES + Buffer.byteLength(payload)) : undefined;
    this.#end = OPENING_BYTES + (this.#buffer?.write(payload, OPENING_BYTES) ?? 0);
  }

  /** The part of the command before the payload. */
  protected abstract open(socket: object): string;

  protected override encode(socket: object): string | Buffer {
    const opening = this.open(socket);
    if (this.#buffer === undefined) return opening + this.#payload;
    const start = OPENING_BYTES - Buffer.byteLength(opening);
    this.#buffer.write(opening, start);
    return this.#buffer.subarray(start, this.#end);
  }

  /** Must be called when Redis has answered, and not before: until then the socket may still read the buffer. */
  release(): void {
    if (this.#buffer !== undefined) giveBuffer(this.#buffer);
  }
}

/** Sends a command. @returns the answer of Redis */
export async function send(client: Redis | Cluster, command: PackedCommand): Promise<unknown> {
  try {
    const answer = await sendCommand(client, command);
    command.release();
    return answer;
  } finally {
    command.stopTimer();
  }
}
