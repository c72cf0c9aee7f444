import type { Cluster, Redis } from "ioredis";
import { TidingsError } from "../../../protocol/protocol.ts";
import { birthKeyOf } from "../wire/keys.ts";
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

/** The partition in which a script runs. */
export interface ScriptTarget {
  readonly base: string;
  /** The birth that the node expects. */
  readonly birth: string;
  /** Beginning of the names of Pub/Sub channels. */
  readonly pubSub: string;
}

/** Runs a script in a partition. @returns the answer of the script */
export type RunScript = (script: Script, partition: number, args: ScriptArguments) => Promise<unknown>;

/**
 * Digests of the scripts that each socket has carried with their text: from then on Redis knows them by their digests.
 */
const sent = new WeakMap<object, Set<string>>();

/** A call of a script. The first call on each socket carries the text of the script, later ones its digest. */
class ScriptCall extends PackedCommand {
  readonly #script: Script;
  /** KEYS of the script: the base, which is never a key, and the birth (script.ts says why both). */
  readonly #keys: readonly string[];
  readonly #count: number;
  #known = new Set<string>();

  constructor(script: Script, { base, birth, pubSub }: ScriptTarget, args: PackedArguments) {
    const keys = [base, birthKeyOf(base)];
    const expected = script.checksBirth ? birth : "";
    super(
      "evalsha",
      [script.digest, String(keys.length), ...keys],
      args.text + pack(expected) + pack(pubSub),
    );
    this.#script = script;
    this.#keys = keys;
    this.#count = args.count + 2;
  }

  protected override open(socket: object): string {
    this.#known = sent.get(socket) ?? new Set();
    sent.set(socket, this.#known);
    const { digest, lua } = this.#script;
    const call = this.#known.has(digest) ? ["evalsha", digest] : ["eval", lua];
    this.#known.add(digest);
    const opening = [...call, this.#keys.length, ...this.#keys].map(pack);
    return `*${opening.length + this.#count}\r\n${opening.join("")}`;
  }

  /**
   * Tells whether Redis does not know the script: after SCRIPT FLUSH, or because it refused the call that carried the
   * text. Then the call is repeated with the text.
   */
  isForgotten(error: unknown): boolean {
    if (!String(error).includes("NOSCRIPT")) return false;
    this.#known.delete(this.#script.digest);
    return true;
  }
}

/** Redis did not know an ordered script, and has not run it. The next call carries the text. */
export class ScriptForgotten extends TidingsError {
  constructor({ name }: Script) {
    super("unavailable", `Redis does not know the script ${name} any more: try again`);
  }
}

/** Runs a script. @returns the answer of the script. @throws ScriptForgotten if the script is ordered */
export async function runScript(
  client: Redis | Cluster,
  script: Script,
  target: ScriptTarget,
  args: ScriptArguments,
): Promise<unknown> {
  const packed = args instanceof PackedArguments ? args : PackedArguments.of(args);
  const call = new ScriptCall(script, target, packed);
  try {
    return await send(client, call);
  } catch (error) {
    if (!call.isForgotten(error)) throw error;
    if (script.isOrdered) throw new ScriptForgotten(script);
    return send(client, new ScriptCall(script, target, packed));
  }
}
