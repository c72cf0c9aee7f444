import type { Cluster, Redis } from "ioredis";
import { PackedCommand, pack, send } from "./packed-command.ts";
import type { Script } from "./script.ts";

/**
 * Arguments of a script, encoded into one string: the client library would keep each of a batch's thousand until the
 * answer comes.
 */
export class PackedArguments {
  #text = "";
  #count = 0;

  static of(args: readonly (string | number)[]): PackedArguments {
    const packed = new PackedArguments();
    for (const argument of args) packed.add(pack(argument), 1);
    return packed;
  }

  /** Adds `count` arguments that are packed already. */
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

/** Runs a script in a partition. @returns the answer of the script */
export type RunScript = (script: Script, partition: number, args: ScriptArguments) => Promise<unknown>;

/**
 * Digests of the scripts that each socket has carried with their text: from then on Redis knows them by their digests.
 */
const sent = new WeakMap<object, Set<string>>();

/** A call of a script. The first call on each socket carries the text of the script, later ones its digest. */
class ScriptCall extends PackedCommand {
  readonly #script: Script;
  readonly #key: string;
  readonly #count: number;
  #known = new Set<string>();

  /**
   * @param key is in the partition that the script works on; on Redis Cluster it decides which master runs the script
   */
  constructor(script: Script, key: string, args: PackedArguments) {
    super("evalsha", [script.digest, "1", key], args.text);
    this.#script = script;
    this.#key = key;
    this.#count = args.count;
  }

  protected override open(socket: object): string {
    this.#known = sent.get(socket) ?? new Set();
    sent.set(socket, this.#known);
    const { digest, lua } = this.#script;
    const call = this.#known.has(digest) ? ["evalsha", digest] : ["eval", lua];
    this.#known.add(digest);
    const opening = [...call, "1", this.#key].map(pack);
    return `*${opening.length + this.#count}\r\n${opening.join("")}`;
  }

  /**
   * Tells whether Redis has forgotten the script, as SCRIPT FLUSH makes it. Then the call is repeated with the text.
   */
  isForgotten(error: unknown): boolean {
    return String(error).includes("NOSCRIPT") && this.#known.delete(this.#script.digest);
  }
}

/**
 * Runs a script.
 * @param key is in the partition that the script works on
 * @returns the answer of the script
 */
export async function runScript(
  client: Redis | Cluster,
  script: Script,
  key: string,
  args: ScriptArguments,
): Promise<unknown> {
  const packed = args instanceof PackedArguments ? args : PackedArguments.of(args);
  const call = new ScriptCall(script, key, packed);
  try {
    return await send(client, call);
  } catch (error) {
    if (!call.isForgotten(error)) throw error;
    return send(client, new ScriptCall(script, key, packed));
  }
}
