import { Command } from "ioredis";
import type { Script } from "./script.ts";

/** One argument as Redis reads it: RESP, https://redis.io/docs/latest/develop/reference/protocol-spec/#bulk-strings */
export const pack = (argument: string | number): string =>
  `$${Buffer.byteLength(String(argument))}\r\n${argument}\r\n`;

/**
 * Arguments of a script, written down as Redis reads them. A batch has a thousand, and a client library that gets each for itself keeps
 * them all until the answer is there: collecting that garbage costs more than everything else.
 */
export class PackedArguments {
  #text = "";
  #count = 0;

  static of(args: readonly (string | number)[]): PackedArguments {
    const packed = new PackedArguments();
    for (const argument of args) packed.add(pack(argument), 1);
    return packed;
  }

  /** Adds so many arguments that were packed already. */
  add(packed: string, count: number): void {
    this.#text += packed;
    this.#count += count;
  }

  get count(): number {
    return this.#count;
  }

  toBytes(): Buffer {
    return Buffer.from(this.#text);
  }
}

/** The scripts that each connection has been sent: from then on Redis knows them by their digests. */
const sent = new WeakMap<object, Set<string>>();

/** A call of a script, with its text the first time on each connection. */
export class ScriptCall extends Command {
  readonly #script: Script;
  readonly #bytes: Buffer;
  readonly #count: number;
  #known = new Set<string>();

  /** @param key is in the partition that the script works on, and decides on Redis Cluster where it runs */
  constructor(script: Script, key: string, args: PackedArguments) {
    super("evalsha", [script.digest, "1", key], { replyEncoding: "utf8" });
    this.#script = script;
    this.#bytes = args.toBytes();
    this.#count = args.count;
  }

  override toWritable(connection: object): Buffer {
    this.#known = sent.get(connection) ?? new Set();
    sent.set(connection, this.#known);
    const { digest, lua } = this.#script;
    const isKnown = this.#known.has(digest);
    this.#known.add(digest);
    this.name = isKnown ? "evalsha" : "eval";
    this.args[0] = isKnown ? digest : lua;
    const opening = [this.name, ...this.args].map((argument) => pack(String(argument)));
    const header = `*${opening.length + this.#count}\r\n${opening.join("")}`;
    return Buffer.concat([Buffer.from(header), this.#bytes]);
  }

  /** Whether the call failed because Redis has forgotten the script, as SCRIPT FLUSH makes it; then another call will do. */
  isForgotten(error: unknown): boolean {
    return String(error).includes("NOSCRIPT") && this.#known.delete(this.#script.digest);
  }
}
