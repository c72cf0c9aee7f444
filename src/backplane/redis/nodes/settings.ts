import type { Health } from "../../port.ts";
import { type Connection, lua, script } from "../connection/connection.ts";
import type { HistoryLimits } from "../history/histories.ts";
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
}

/** Names of the settings in the configuration. */
const NAMES: Readonly<Record<keyof NodeSettings, string>> = {
  historyCount: "history.count",
  historyAgeMs: "history.ageMs",
  historyChannelBytes: "history.channelBytes",
  historyDevicesPerUser: "history.devicesPerUser",
  idempotencyWindowMs: "publish.idempotencyWindowMs",
  graceMs: "presence.graceMs",
  nodeTimeoutMs: "cluster.nodeTimeout (in ms)",
};
const KEYS = Object.keys(NAMES) as (keyof NodeSettings)[]; // of a literal

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
export class SharedSettings implements HistoryLimits {
  readonly #parts: SharedSettingsParts;
  #widest: NodeSettings;
  #isKnown = false;

  constructor(parts: SharedSettingsParts) {
    this.#parts = parts;
    this.#widest = parts.own;
  }

  /** The settings of this node, as it registers them. */
  get own(): NodeSettings {
    return this.#parts.own;
  }

  get count(): number {
    return this.#widest.historyCount;
  }

  get ageMs(): number {
    return this.#widest.historyAgeMs;
  }

  get channelBytes(): number {
    return this.#widest.historyChannelBytes;
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
    ) as unknown as NodeSettings; // all keys
    this.#isKnown = true;
    const differing = KEYS.filter((key) => new Set(all.map((settings) => settings[key])).size > 1);
    if (differing.length === 0) health.restore("node settings");
    else health.degrade("node settings", differences(differing, all));
  }
}

/** @returns undefined where a description has no settings, or incomplete ones: another version of this program wrote it */
function settingsIn(description: string): NodeSettings | undefined {
  const { settings } = JSON.parse(description) as { settings?: Partial<NodeSettings> }; // written by a node
  const isComplete = settings !== undefined && KEYS.every((key) => Number.isFinite(settings[key]));
  return isComplete ? (settings as NodeSettings) : undefined; // checked
}

function differences(keys: readonly (keyof NodeSettings)[], all: readonly NodeSettings[]): string {
  const texts = keys.map((key) => {
    const values = [...new Set(all.map((settings) => settings[key]))].sort((one, other) => one - other);
    return `${NAMES[key]} is ${values.join(" or ")}`;
  });
  return `live nodes have different settings: ${texts.join(", ")}; the largest is in force: give all nodes one value`;
}
