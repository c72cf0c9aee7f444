import type { Channel } from "../../protocol/protocol.ts";

/** Retention of one channel: its history keeps what is within all of these. */
export interface Retained {
  /** Messages. */
  readonly count: number;
  /** Milliseconds. */
  readonly ageMs: number;
  /** Bytes of its messages. */
  readonly bytes: number;
}

/**
 * Retention of the channels that a pattern stands for; what it leaves out is as for all others. `none`: nothing is stored. `last`: last-value
 * channels, which keep the newest message only and give it to everyone who joins.
 */
export type RetentionRule =
  | "none"
  | Partial<Retained>
  | (Omit<Partial<Retained>, "count"> & { readonly last: true });

/**
 * Retention by patterns of channels (`group:live-*`, as in grants). The pattern of one channel goes before those with a
 * star, and a longer one before a shorter one.
 */
export type RetentionRules = Readonly<Record<string, RetentionRule>>;

/** A rule, ready to be compared with channels. */
interface Compiled {
  /** The channel, or its beginning. */
  readonly text: string;
  readonly isPrefix: boolean;
  readonly retained: Retained;
  readonly isNone: boolean;
  readonly isLast: boolean;
}

/** Channels whose rule is remembered: most messages go to few channels, and a comparison with each rule takes longer. */
const REMEMBERED = 10_000;

/** Retention of every channel: the common one, and what rules say about some. */
export class Retention {
  /** Of channels without a rule. */
  readonly common: Retained;
  readonly #rules: readonly Compiled[];
  readonly #remembered = new Map<Channel, Compiled | undefined>();

  constructor(common: Retained, rules: RetentionRules = {}) {
    this.common = common;
    this.#rules = Object.entries(rules)
      .map(([pattern, rule]) => compile(pattern, rule, common))
      .sort((one, other) => rank(other) - rank(one));
  }

  /** True when no channel differs from the others. */
  get isCommon(): boolean {
    return this.#rules.length === 0;
  }

  /** The largest retention of any channel, number by number. */
  get widest(): Retained {
    return widestOf([this.common, ...this.#rules.map(({ retained }) => retained)]);
  }

  of(channel: Channel): Retained {
    return this.#rules.length === 0 ? this.common : (this.#ruleOf(channel)?.retained ?? this.common);
  }

  /** True if messages of the channel are not stored. */
  isNone(channel: Channel): boolean {
    return this.#ruleOf(channel)?.isNone ?? false;
  }

  /** True for a last-value channel. */
  isLast(channel: Channel): boolean {
    return this.#ruleOf(channel)?.isLast ?? false;
  }

  /** Ages for a script in Redis: the common one, then of each rule in their order: text, 1 for a prefix, age. */
  get ages(): readonly [number, readonly (readonly [string, 0 | 1, number])[]] {
    const rules = this.#rules.map(
      ({ text, isPrefix, retained }) => [text, isPrefix ? 1 : 0, retained.ageMs] as const,
    );
    return [this.common.ageMs, rules];
  }

  #ruleOf(channel: Channel): Compiled | undefined {
    const known = this.#remembered.get(channel);
    if (known !== undefined || this.#remembered.has(channel)) return known;
    const found = this.#rules.find(({ text, isPrefix }) =>
      isPrefix ? channel.startsWith(text) : channel === text,
    );
    if (this.#remembered.size >= REMEMBERED) this.#remembered.clear();
    this.#remembered.set(channel, found);
    return found;
  }
}

const NOTHING: Retained = { count: 0, ageMs: 0, bytes: 0 };

/** Tells kinds of channels apart. A kind without a channel is undefined. */
export interface ChannelKinds {
  /** Channels whose messages are not stored. */
  readonly isUnstored: ((channel: Channel) => boolean) | undefined;
  /** Last-value channels. */
  readonly isLastValue: ((channel: Channel) => boolean) | undefined;
}

export function kindsBy(rules: RetentionRules = {}): ChannelKinds {
  const retention = new Retention(NOTHING, rules);
  const all = Object.values(rules);
  return {
    isUnstored: all.includes("none") ? (channel) => retention.isNone(channel) : undefined,
    isLastValue: all.some(isLastRule) ? (channel) => retention.isLast(channel) : undefined,
  };
}

/** The larger one of each number. */
export const widestOf = (all: readonly Retained[]): Retained => ({
  count: Math.max(...all.map(({ count }) => count)),
  ageMs: Math.max(...all.map(({ ageMs }) => ageMs)),
  bytes: Math.max(...all.map(({ bytes }) => bytes)),
});

function compile(pattern: string, rule: RetentionRule, common: Retained): Compiled {
  const isPrefix = /(?<!\\)(?:\\\\)*\*$/.test(pattern);
  const text = (isPrefix ? pattern.slice(0, -1) : pattern).replaceAll(/\\([\\*])/g, "$1");
  const isLast = isLastRule(rule);
  if (rule === "none") return { text, isPrefix, isNone: true, isLast, retained: common };
  const { count = common.count, ageMs = common.ageMs, bytes = common.bytes } = rule as Partial<Retained>; // or without count
  return { text, isPrefix, isNone: false, isLast, retained: { count: isLast ? 1 : count, ageMs, bytes } };
}

const isLastRule = (rule: RetentionRule): boolean => typeof rule === "object" && "last" in rule;

const rank = ({ text, isPrefix }: Compiled): number =>
  text.length + (isPrefix ? 0 : Number.MAX_SAFE_INTEGER / 2);
