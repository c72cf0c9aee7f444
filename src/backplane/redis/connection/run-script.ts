import type { Cluster, Redis } from "ioredis";
import { PackedCommand, pack, send } from "./packed-command.ts";
import type { Script } from "./script.ts";

/** Arguments of a script, written down one after the other: the client library would keep each of a batch's thousand until the answer comes. */
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

  get text(): string {
    return this.#text;
  }
}

export type ScriptArguments = readonly (string | number)[] | PackedArguments;

/** The scripts that each connection has been sent: from then on Redis knows them by their digests. */
const sent = new WeakMap<object, Set<string>>();

/** A call of a script, with its text the first time on each connection. */
class ScriptCall extends PackedCommand {
  readonly #script: Script;
  readonly #count: number;
  #known = new Set<string>();

  /** @param key is in the partition that the script works on, and decides on Redis Cluster where it runs */
  constructor(script: Script, key: string, args: PackedArguments) {
    super("evalsha", [script.digest, "1", key], args.text);
    this.#script = script;
    this.#count = args.count;
  }

  protected override open(connection: object): string {
    this.#known = sent.get(connection) ?? new Set();
    sent.set(connection, this.#known);
    const { digest, lua } = this.#script;
    const isKnown = this.#known.has(digest);
    this.#known.add(digest);
    this.name = isKnown ? "evalsha" : "eval";
    this.args[0] = isKnown ? digest : lua;
    const opening = [this.name, ...this.args].map((argument) => pack(String(argument)));
    return `*${opening.length + this.#count}\r\n${opening.join("")}`;
  }

  /** Whether the call failed because Redis has forgotten the script, as SCRIPT FLUSH makes it; then another call will do. */
  isForgotten(error: unknown): boolean {
    return String(error).includes("NOSCRIPT") && this.#known.delete(this.#script.digest);
  }
}

/**
 * Runs a script.
 * @param key is in the partition that the script works on
 * @returns what it answers
 */
export async function runScript(
  commands: Redis | Cluster,
  script: Script,
  key: string,
  args: ScriptArguments,
): Promise<unknown> {
  const packed = args instanceof PackedArguments ? args : PackedArguments.of(args);
  const call = new ScriptCall(script, key, packed);
  try {
    return await send(commands, call);
  } catch (error) {
    if (!call.isForgotten(error)) throw error;
    return send(commands, new ScriptCall(script, key, packed));
  }
}
