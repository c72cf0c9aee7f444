import { eventually } from "../../support/eventually.ts";
import { type RedisServer, ReplicatedRedisCluster } from "../../support/redis/redis.ts";
import type { ChaosRedis } from "./kind.ts";

/** Hash tags of the partitions, src/backplane/redis/wire/keys.ts. */
const PARTITIONS = 64;
/** Silence after which a server takes another one for dead, when the faults are over. */
const CALM_TIMEOUT_MS = 15_000;
/** Keys that one MIGRATE moves. */
const BATCH = 16;

/** A Redis Cluster of three masters and a replica of one of them, whose slots move while messages are stored. */
export class ClusterRedis implements ChaosRedis {
  readonly kind = "cluster";
  readonly proxies = [];
  readonly #cluster: ReplicatedRedisCluster;
  #added: RedisServer | undefined;

  private constructor(cluster: ReplicatedRedisCluster) {
    this.#cluster = cluster;
  }

  static async start(): Promise<ClusterRedis> {
    return new ClusterRedis(await ReplicatedRedisCluster.start({ persistent: true, nodeTimeoutMs: 2_000 }));
  }

  urlOf(): string {
    return this.#cluster.url;
  }

  /** Every server that has slots now. */
  async masters(): Promise<readonly RedisServer[]> {
    const states = await Promise.all(
      this.#servers.map(async (server) => ({ server, ...(await roleOf(server)) })),
    );
    return states.filter(({ isMaster, hasSlots }) => isMaster && hasSlots).map(({ server }) => server);
  }

  /** The two servers of which one replicates the other, by their present roles. */
  async roles(): Promise<{ readonly master: RedisServer; readonly replica: RedisServer }> {
    const { master: first, replica: second } = this.#cluster;
    const { isMaster } = await roleOf(first);
    return isMaster ? { master: first, replica: second } : { master: second, replica: first };
  }

  async hasFailedOver(): Promise<boolean> {
    const { master, replica } = this.#cluster;
    if ((await this.roles()).master !== master) return true;
    const told = await Promise.all([master, replica].map((server) => server.command("INFO", "replication")));
    // A promoted server keeps the id of the replication that it left.
    return told.some((text) => /second_repl_offset:\d/.test(String(text)));
  }

  async rest(): Promise<void> {
    for (const server of this.#servers) {
      await server.insist("CONFIG", "SET", "cluster-node-timeout", CALM_TIMEOUT_MS);
    }
  }

  async promoted(server: RedisServer): Promise<void> {
    await eventually("the replica is a master with slots", async () => {
      const { isMaster, hasSlots } = await roleOf(server);
      return isMaster && hasSlots;
    });
    await this.whole();
  }

  async follows(server: RedisServer): Promise<void> {
    await eventually("the former master follows the new one", async () => {
      const text = String(await server.command("INFO", "replication").catch(() => ""));
      return text.includes("master_link_status:up");
    });
  }

  /** Resolves when every server that runs takes the cluster for complete. */
  async whole(): Promise<void> {
    for (const server of this.#servers) {
      await eventually("a server takes the cluster for complete", async () => {
        const info = await server.command("CLUSTER", "INFO").catch(() => "cluster_state:ok");
        return String(info).includes("cluster_state:ok");
      });
    }
  }

  /** Slots of partitions that a server has now. */
  async partitionsOf(server: RedisServer): Promise<number[]> {
    const slots = await Promise.all(
      Array.from({ length: PARTITIONS }, (_, tag) => server.insist("CLUSTER", "KEYSLOT", `{${tag}}`)),
    );
    const own = (await ownedBy(server)).slots;
    return [...new Set(slots.map(Number))].filter((slot) => own.has(slot));
  }

  /** Adds a master without slots. */
  async add(): Promise<RedisServer> {
    const added = await this.#cluster.addServer();
    this.#added = added;
    const id = await idOf(added);
    for (const server of this.#servers) {
      await eventually("every server knows the added master", async () =>
        String(await server.command("CLUSTER", "NODES").catch(() => "")).includes(id),
      );
    }
    return added;
  }

  /** Moves all slots of the added master to the others, and ends it. */
  async remove(): Promise<void> {
    const added = this.#added;
    if (added === undefined) return;
    const target = this.#cluster.masters[0];
    if (target === undefined) throw new Error("a Redis Cluster has several masters");
    for (const slot of await this.partitionsOf(added)) await this.move(slot, added, target);
    this.#added = undefined;
    const id = await idOf(added);
    for (const server of this.#servers) await server.insist("CLUSTER", "FORGET", id);
    await added[Symbol.asyncDispose]();
  }

  /**
   * Moves a slot as `redis-cli --cluster reshard` does.
   * @throws the error of Redis: BUSYKEY when the nodes have made keys of the slot on the target
   */
  async move(slot: number, from: RedisServer, to: RedisServer): Promise<void> {
    const [source, target] = [await idOf(from), await idOf(to)];
    await to.insist("CLUSTER", "SETSLOT", slot, "IMPORTING", source);
    await from.insist("CLUSTER", "SETSLOT", slot, "MIGRATING", target);
    for (;;) {
      const keys = (await from.insist("CLUSTER", "GETKEYSINSLOT", slot, BATCH)) as string[]; // names
      if (keys.length === 0) break;
      await from.insist("MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", ...keys);
    }
    for (const server of [to, from]) await server.insist("CLUSTER", "SETSLOT", slot, "NODE", target);
    for (const server of await this.masters()) {
      if (server !== to && server !== from) await server.insist("CLUSTER", "SETSLOT", slot, "NODE", target);
    }
  }

  get #servers(): readonly RedisServer[] {
    const { masters, replica } = this.#cluster;
    return [...masters, replica, ...(this.#added === undefined ? [] : [this.#added])];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#added?.[Symbol.asyncDispose]();
    await this.#cluster[Symbol.asyncDispose]();
  }
}

const idOf = async (server: RedisServer): Promise<string> => String(await server.insist("CLUSTER", "MYID"));

async function roleOf(server: RedisServer): Promise<{ isMaster: boolean; hasSlots: boolean }> {
  const { flags, slots } = await ownedBy(server);
  return { isMaster: flags.includes("master"), hasSlots: slots.size > 0 };
}

/** The line of a server about itself, https://redis.io/docs/latest/commands/cluster-nodes/. */
async function ownedBy(server: RedisServer): Promise<{ flags: string; slots: ReadonlySet<number> }> {
  const text = String(await server.command("CLUSTER", "NODES").catch(() => ""));
  const words =
    text
      .split("\n")
      .find((line) => line.includes("myself"))
      ?.trim()
      .split(" ") ?? [];
  const slots = new Set<number>();
  for (const word of words.slice(8)) {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(word) ?? [];
    if (first === undefined) continue; // a slot in a move: [slot->-id]
    for (let slot = Number(first); slot <= Number(last); slot++) slots.add(slot);
  }
  return { flags: words[2] ?? "", slots };
}
