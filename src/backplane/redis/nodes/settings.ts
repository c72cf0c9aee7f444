import type { Channel } from "../../../protocol/protocol.ts";
import type { Health } from "../../port.ts";
import { type Retained, Retention, type RetentionRules, widestOf } from "../../retention/retention.ts";
import { type Connection, lua, script } from "../connection/connection.ts";
import type { SharedRetention } from "../history/histories.ts";
import { PartitionMoving } from "../partitions/partitions.ts";
import { REGISTRY } from "../wire/keys.ts";

/** Settings by which a node decides about data that all nodes share. Each node registers its own. */
export interface NodeSettings {
  readonly historyCount: number;
  readonly historyAgeMs: number;
  readonly historyChannelBytes: number;
  readonly historyDevicesPerUser: number;
  readonly idempotencyWindowMs: number;
  readonly graceMs: number;
  readonly nodeTimeoutMs: number;
  /** Retention of some channels. */
  readonly historyChannels: RetentionRules;
}

/** The settings that are numbers, of which the largest is in force. */
type Numbers = Omit<NodeSettings, "historyChannels">;

/** Names of the settings in the configuration. */
const NAMES: Readonly<Record<keyof Numbers, string>> = {
  historyCount: "history.count",
  historyAgeMs: "history.ageMs",
  historyChannelBytes: "history.channelBytes",
  historyDevicesPerUser: "history.devicesPerUser",
  idempotencyWindowMs: "publish.idempotencyWindowMs",
  graceMs: "presence.graceMs",
  nodeTimeoutMs: "cluster.nodeTimeout (in ms)",
};
const KEYS = Object.keys(NAMES) as (keyof Numbers)[]; // of a literal

export const READ_SETTINGS = script(
  "settings",
  lua`
-- KEYS[1]  base of the partition of the registry
-- reply    descriptions of all incarnations, JSON
return redis.call("HVALS", base .. ":node")
`,
);

export interface SharedSettingsParts {
  readonly connection: Connection;
  readonly own: NodeSettings;
  readonly health: Health;
}

/**
 * The settings of all live nodes. Where they differ, each node says so, and the widest value decides what is deleted: a
 * node with a forgotten setting must not delete what the others promise to keep.
 */
export class SharedSettings implements SharedRetention {
  readonly #parts: SharedSettingsParts;
  #widest: Numbers;
  /** Retention by the settings of each node, without repeats: one where all have the same. */
  #retentions: readonly Retention[];
  #retentionTexts: string;
  #widestRetained: Retained;
  /** True when no channel differs from the others, on any node. */
  #isCommon: boolean;
  #ages: string;
  #isKnown = false;

  constructor(parts: SharedSettingsParts) {
    this.#parts = parts;
    this.#widest = parts.own;
    const retention = retentionOf(parts.own);
    this.#retentions = [retention];
    this.#retentionTexts = retentionText(parts.own);
    this.#widestRetained = retention.widest;
    this.#isCommon = retention.isCommon;
    this.#ages = agesOf(this.#retentions);
  }

  /** The settings of this node, as it registers them. */
  get own(): NodeSettings {
    return this.#parts.own;
  }

  /** Called with each stored message. */
  of(channel: Channel): Retained {
    const [first] = this.#retentions;
    if (first !== undefined && this.#retentions.length === 1) return first.of(channel);
    if (this.#isCommon) return this.#widestRetained;
    return widestOf(this.#retentions.map((each) => each.of(channel)));
  }

  get widest(): Retained {
    return this.#widestRetained;
  }

  get ages(): string {
    return this.#ages;
  }

  get devicesPerUser(): number {
    return this.#widest.historyDevicesPerUser;
  }

  get idempotencyWindowMs(): number {
    return this.#widest.idempotencyWindowMs;
  }

  get nodeTimeoutMs(): number {
    return this.#widest.nodeTimeoutMs;
  }

  /**
   * Reads the settings of all nodes.
   * @throws TidingsError `unavailable`: without them a node that starts must not delete anything
   */
  async start(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      if (!this.#isKnown || !(error instanceof PartitionMoving)) throw error;
    }
  }

  /** Reads the settings of all nodes again. */
  async refresh(): Promise<void> {
    const { connection, own, health } = this.#parts;
    const texts = (await connection.exec(READ_SETTINGS, REGISTRY, [])) as string[]; // by the script
    const all = [own, ...texts.map(settingsIn).filter((settings) => settings !== undefined)];
    this.#widest = Object.fromEntries(
      KEYS.map((key) => [key, Math.max(...all.map((settings) => settings[key]))]),
    ) as unknown as Numbers; // all keys
    this.#setRetentions(new Map(all.map((each) => [retentionText(each), each])));
    this.#isKnown = true;
    const differing = differences(all);
    if (differing === undefined) health.restore("node settings");
    else health.degrade("node settings", differing);
  }

  /** They remember the rules of channels, so those that are as before stay. */
  #setRetentions(different: ReadonlyMap<string, NodeSettings>): void {
    const texts = [...different.keys()].sort().join();
    if (texts === this.#retentionTexts) return;
    const retentions = [...different.values()].map(retentionOf);
    this.#retentionTexts = texts;
    this.#retentions = retentions;
    this.#widestRetained = widestOf(retentions.map(({ widest }) => widest));
    this.#isCommon = retentions.every(({ isCommon }) => isCommon);
    this.#ages = agesOf(retentions);
  }
}

/** @returns undefined where a description has no settings, or incomplete ones: another version of this program wrote it */
function settingsIn(description: string): NodeSettings | undefined {
  const { settings } = JSON.parse(description) as { settings?: Partial<NodeSettings> }; // written by a node
  const isComplete = settings !== undefined && KEYS.every((key) => Number.isFinite(settings[key]));
  return isComplete
    ? ({ ...settings, historyChannels: settings.historyChannels ?? {} } as NodeSettings)
    : undefined; // checked
}

/** @returns undefined where all nodes have the same settings */
function differences(all: readonly NodeSettings[]): string | undefined {
  const differing = KEYS.filter((key) => new Set(all.map((settings) => settings[key])).size > 1);
  const texts = differing.map((key) => {
    const values = [...new Set(all.map((settings) => settings[key]))].sort((one, other) => one - other);
    return `${NAMES[key]} is ${values.join(" or ")}`;
  });
  const rules = new Map(all.map(({ historyChannels: each }) => [rulesText(each), JSON.stringify(each)]));
  if (rules.size > 1) texts.push(`history.channels is ${[...rules.values()].join(" or ")}`);
  if (texts.length === 0) return undefined;
  return `live nodes have different settings: ${texts.join(", ")}; the largest is in force: give all nodes one value`;
}

const retentionOf = (settings: NodeSettings): Retention =>
  new Retention(
    { count: settings.historyCount, ageMs: settings.historyAgeMs, bytes: settings.historyChannelBytes },
    settings.historyChannels,
  );

const retentionText = ({
  historyCount,
  historyAgeMs,
  historyChannelBytes,
  historyChannels,
}: NodeSettings): string =>
  JSON.stringify([historyCount, historyAgeMs, historyChannelBytes, rulesText(historyChannels)]);

/** Text that is the same for equal rules, whatever the order in which they were given. */
const rulesText = (rules: RetentionRules): string =>
  JSON.stringify(
    Object.entries(rules)
      .map(([pattern, rule]) => [pattern, rule === "none" ? rule : Object.entries(rule).sort()])
      .sort(),
  );

const agesOf = (retentions: readonly Retention[]): string =>
  retentions.every(({ isCommon }) => isCommon) ? "" : JSON.stringify(retentions.map(({ ages }) => ages));
