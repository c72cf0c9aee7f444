import { type Cluster, Command, type Redis } from "ioredis";
import { giveBuffer, takeBuffer } from "./buffer-pool.ts";

/** Texts from this length on are written into buffers that are used again. */
const LARGE = 4_096;
/** Before the text, for what opens the command: the longest script takes less than half of it. */
const OPENING_BYTES = 24 * 1_024;

/** One argument as Redis reads it: RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/#bulk-strings */
export const pack = (argument: string | number): string =>
  `$${Buffer.byteLength(String(argument))}\r\n${argument}\r\n`;

/** The command that publishes a text, in pieces: to join them would copy it once more. */
export const publishOf = (channel: string, text: string): string[] => [
  `*3\r\n${pack("PUBLISH")}${pack(channel)}$${Buffer.byteLength(text)}\r\n`,
  text,
  "\r\n",
];

/**
 * A command whose last part is a long text, written down by ourselves. The client library would copy it into memory that it uses once (buffers.ts).
 */
export abstract class PackedCommand extends Command {
  readonly #text: string;
  readonly #buffer: Buffer | undefined;
  readonly #end: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param text what comes last, as Redis reads it */
  constructor(name: string, args: string[], text: string) {
    super(name, args, { replyEncoding: "utf8" });
    const isLarge = text.length >= LARGE;
    this.#text = isLarge ? "" : text;
    this.#buffer = isLarge ? takeBuffer(OPENING_BYTES + Buffer.byteLength(text)) : undefined;
    this.#end = OPENING_BYTES + (this.#buffer?.write(text, OPENING_BYTES) ?? 0);
  }

  /** What comes before the text. */
  protected abstract open(connection: object): string;

  override toWritable(connection: object): string | Buffer {
    const opening = this.open(connection);
    if (this.#buffer === undefined) return opening + this.#text;
    const start = OPENING_BYTES - Buffer.byteLength(opening);
    this.#buffer.write(opening, start);
    return this.#buffer.subarray(start, this.#end);
  }

  /**
   * A timer of its own, instead of the client library's: that one is a property, which is deleted in the end, and V8 makes a table of some
   * 2 KB of an object that loses a property. It was half of what a publishing node left to its major collections.
   */
  override setTimeout(ms: number): void {
    this.#timer ??= setTimeout(() => this.reject(new Error("Command timed out")), ms);
  }

  /** To be called when the command has ended, well or not. */
  stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** To be called when Redis has answered: until then the buffer may be on its way. */
  release(): void {
    if (this.#buffer !== undefined) giveBuffer(this.#buffer);
  }
}

/** Sends a command. @returns what Redis answers */
export async function send(commands: Redis | Cluster, command: PackedCommand): Promise<unknown> {
  try {
    const answer = await commands.sendCommand(command);
    command.release();
    return answer;
  } finally {
    command.stopTimer();
  }
}
