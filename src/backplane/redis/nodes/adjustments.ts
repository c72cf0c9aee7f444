import { TidingsError } from "../../../protocol/protocol.ts";
import type { LocalNode } from "../../local-node.ts";
import { ADJUSTABLE, type Adjustable, type AtOnce } from "../../port.ts";
import type { Bus } from "../bus/bus.ts";
import { type Connection, lua, script } from "../connection/connection.ts";
import { PartitionMoving } from "../partitions/partitions.ts";
import { ADJUSTMENTS_KEY, REGISTRY } from "../wire/keys.ts";
import { LINE } from "../wire/lines.ts";

/** Calls at once on several nodes that may come before this one's. */
const MAX_ATTEMPTS = 16;

export const ADJUST = script(
  "adjust",
  lua`
-- KEYS[1]  base of the partition of the registry
-- ARGV[1]  name of the setting
-- ARGV[2]  revision of the value
-- ARGV[3]  value, JSON
-- reply    { revision, value } in force: those given, if the revision is higher than the one that was stored
local key = base .. ":${ADJUSTMENTS_KEY}"
local revision = tonumber(redis.call("HGET", key, "revision:" .. ARGV[1]) or 0)
if tonumber(ARGV[2]) > revision then
  redis.call("HSET", key, "revision:" .. ARGV[1], ARGV[2], "value:" .. ARGV[1], ARGV[3])
  cast("${LINE.adjust}" .. FIELD .. ARGV[1] .. FIELD .. ARGV[2] .. FIELD .. ARGV[3])
  return { tonumber(ARGV[2]), ARGV[3] }
end
return { revision, redis.call("HGET", key, "value:" .. ARGV[1]) or "" }
`,
);

/** A value, and how often the setting was changed. */
interface Adjustment {
  readonly revision: number;
  readonly value: string;
}

const NONE: Adjustment = { revision: 0, value: "" };

/**
 * Changed settings in Redis. Nodes hear of a change by a line to all of them, and whoever missed it reads it at its next heartbeat. Where
 * Redis has lost its data, the first heartbeat of any node writes them again.
 */
export class Adjustments {
  readonly #connection: Connection;
  readonly #node: LocalNode;
  readonly #known = new Map<Adjustable, Adjustment>();

  constructor({ connection, bus, node }: { connection: Connection; bus: Bus; node: LocalNode }) {
    this.#connection = connection;
    this.#node = node;
    bus.on(LINE.adjust, ([, name = "", revision, value = ""]) => {
      // A node of another version may have settings that this one does not know.
      if (isAdjustable(name)) this.#take(name, { revision: Number(revision), value });
    });
  }

  /** See {@link Cluster.adjust}. @throws TidingsError `unavailable` without Redis, `conflict` while other nodes change it all the time */
  async set(name: Adjustable, value: string, atOnce: AtOnce = "follow"): Promise<void> {
    const attempts = atOnce === "follow" ? MAX_ATTEMPTS : 1;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const revision = (this.#known.get(name) ?? NONE).revision + 1;
      const reply = await this.#connection.run(ADJUST, REGISTRY, [name, revision, value]);
      const inForce = adjustmentIn(reply);
      this.#take(name, inForce);
      if (inForce.revision === revision && inForce.value === value) return;
    }
    throw new TidingsError("conflict", `${name}: other nodes change it at the same time`);
  }

  /** See {@link Cluster.propose}. @throws TidingsError `unavailable` without Redis */
  async propose(name: Adjustable, value: string): Promise<void> {
    this.#connection.assertUp();
    if (this.#known.has(name)) return;
    this.#take(name, adjustmentIn(await this.#connection.run(ADJUST, REGISTRY, [name, 1, value])));
  }

  /** Reads the values of all settings, and writes those that Redis has lost. */
  async refresh(): Promise<void> {
    try {
      for (const name of ADJUSTABLE) {
        const { revision, value } = this.#known.get(name) ?? NONE;
        const reply = await this.#connection.exec(ADJUST, REGISTRY, [name, revision, value]);
        this.#take(name, adjustmentIn(reply));
      }
    } catch (error) {
      if (!(error instanceof PartitionMoving)) throw error;
    }
  }

  #take(name: Adjustable, adjustment: Adjustment): void {
    const { revision, value } = this.#known.get(name) ?? NONE;
    if (adjustment.revision < revision) return;
    // After Redis has lost its data, a new node may have begun again at the same revision: then what Redis has counts.
    if (adjustment.revision === revision && adjustment.value === value) return;
    this.#known.set(name, adjustment);
    this.#node.sink.adjusted(name, adjustment.value);
  }
}

const isAdjustable = (name: string): name is Adjustable => ADJUSTABLE.includes(name as Adjustable); // any text

function adjustmentIn(reply: unknown): Adjustment {
  const [revision, value] = reply as [number, string]; // by the script
  return { revision: Number(revision), value };
}
