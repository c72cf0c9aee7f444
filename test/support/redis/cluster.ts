import { eventually } from "../eventually.ts";
import { becomes, follows, replicated } from "./replication.ts";
import { type RedisOptions, RedisServer, type TestRedis } from "./server.ts";

const SLOTS = 16_384;
const MASTERS = 3;
/** Silence after which a server takes another one for dead, while servers have to find each other or replace one. */
const QUICK_MS = 2_000;
/** The same at other times: longer than the stalls of a busy machine, which must not end the cluster. */
const STEADY_MS = 15_000;
/** Validity factor 0: a replica may be elected however long its master has been away. */
const ARGS = [
  ...["--cluster-enabled", "yes", "--cluster-node-timeout", String(QUICK_MS)],
  ...["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"],
  // A master that has given away its last slot stays a master.
  ...["--cluster-allow-replica-migration", "no"],
];

interface ClusterOptions extends Pick<RedisOptions, "persistent"> {
  /** Silence after which a server takes another one for dead. @default 15_000 */
  readonly nodeTimeoutMs?: number;
}

/** A Redis Cluster of three masters on loopback that share the slots. `await using` stops it. */
export class RedisCluster implements TestRedis, AsyncDisposable {
  readonly #masters: RedisServer[];

  private constructor(masters: RedisServer[]) {
    this.#masters = masters;
  }

  get masters(): readonly RedisServer[] {
    return this.#masters;
  }

  static async start({ nodeTimeoutMs = STEADY_MS, ...options }: ClusterOptions = {}): Promise<RedisCluster> {
    const masters = await Promise.all(
      Array.from({ length: MASTERS }, () => RedisServer.start({ ...options, args: ARGS })),
    );
    const cluster = new RedisCluster(masters);
    await cluster.#form();
    await takeForDeadAfter(nodeTimeoutMs, masters);
    return cluster;
  }

  get url(): string {
    return `redis-cluster://${this.masters.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.masters.map((master) => master[Symbol.asyncDispose]()));
  }

  /** Adds a master without slots. */
  async addMaster(): Promise<RedisServer> {
    const master = await RedisServer.start({ args: ARGS });
    await master.command("CLUSTER", "SET-CONFIG-EPOCH", this.#masters.length + 1);
    for (const { port } of this.masters) await master.command("CLUSTER", "MEET", "127.0.0.1", port);
    this.#masters.push(master);
    for (const server of this.masters) await knows(server, this.#masters.length);
    await takeForDeadAfter(STEADY_MS, [master]);
    return master;
  }

  /** Removes a master without slots, as `redis-cli --cluster del-node` does: its process goes on alone. */
  async removeMaster(master: RedisServer): Promise<void> {
    const id = await idOf(master);
    this.#masters.splice(this.#masters.indexOf(master), 1);
    for (const other of this.masters) await other.command("CLUSTER", "FORGET", id);
    await master.command("CLUSTER", "RESET", "SOFT");
  }

  /** Begins to move the slot of a key to another master. */
  async beginMove(key: string, to: RedisServer): Promise<SlotMove> {
    const { slot, owner: from } = await this.ownerOf(key);
    await to.command("CLUSTER", "SETSLOT", slot, "IMPORTING", await idOf(from));
    await from.command("CLUSTER", "SETSLOT", slot, "MIGRATING", await idOf(to));
    return new SlotMove(this.masters, { slot, from, to });
  }

  /** Moves the slot of a key to another master, as `redis-cli --cluster reshard` does. */
  async move(key: string, to: RedisServer): Promise<void> {
    const move = await this.beginMove(key, to);
    while ((await move.migrate(10)) > 0);
    await move.end();
  }

  /** The master that has the slot of a key. */
  async ownerOf(key: string): Promise<{ slot: number; owner: RedisServer }> {
    const slot = Number(await this.masters[0]?.command("CLUSTER", "KEYSLOT", key));
    for (const master of this.masters) {
      const own = String(await master.command("CLUSTER", "NODES"))
        .split("\n")
        .find((line) => line.includes("myself"));
      for (const [, first, last = first] of own?.matchAll(/ (\d+)(?:-(\d+))?(?= |$)/g) ?? []) {
        if (Number(first) <= slot && slot <= Number(last)) return { slot, owner: master };
      }
    }
    throw new Error(`no master has slot ${slot}`);
  }

  /** Forms the cluster as `redis-cli --cluster create` does, without its pauses. */
  async #form(): Promise<void> {
    const share = Math.ceil(SLOTS / MASTERS);
    await Promise.all(
      this.masters.map(async (master, index) => {
        const slots = Array.from({ length: SLOTS }, (_, slot) => slot).slice(
          share * index,
          share * (index + 1),
        );
        await master.command("CLUSTER", "ADDSLOTS", ...slots);
        await master.command("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
      }),
    );
    const [first, ...others] = this.masters;
    for (const { port } of others) await first?.command("CLUSTER", "MEET", "127.0.0.1", port);
    for (const master of this.masters) await knows(master, MASTERS);
  }
}

/** A slot on its way to another master: some of its keys are on one master, the others on the other. */
export class SlotMove {
  readonly #masters: readonly RedisServer[];
  readonly #slot: number;
  readonly #from: RedisServer;
  readonly #to: RedisServer;

  constructor(
    masters: readonly RedisServer[],
    { slot, from, to }: { slot: number; from: RedisServer; to: RedisServer },
  ) {
    this.#masters = masters;
    this.#slot = slot;
    this.#from = from;
    this.#to = to;
  }

  /** Moves some keys. @returns how many: fewer than asked for when they were the last ones */
  async migrate(count: number): Promise<number> {
    const keys = (await this.#from.command("CLUSTER", "GETKEYSINSLOT", this.#slot, count)) as string[]; // names
    if (keys.length > 0) {
      await this.#from.command("MIGRATE", "127.0.0.1", this.#to.port, "", 0, 5_000, "KEYS", ...keys);
    }
    return keys.length;
  }

  /** The slot belongs to the other master, which has all keys. */
  async end(): Promise<void> {
    const id = await idOf(this.#to);
    const others = this.#masters.filter((master) => master !== this.#to && master !== this.#from);
    for (const master of [this.#to, this.#from, ...others]) {
      await master.command("CLUSTER", "SETSLOT", this.#slot, "NODE", id);
    }
  }
}

const idOf = async (server: RedisServer): Promise<string> => String(await server.command("CLUSTER", "MYID"));

/**
 * A Redis Cluster and a replica of one of its masters, which takes the place of a dead master: soon after {@link elect}. `await using`
 * stops all.
 */
export class ReplicatedRedisCluster implements AsyncDisposable {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly #cluster: RedisCluster;

  private constructor(cluster: RedisCluster, master: RedisServer, replica: RedisServer) {
    this.#cluster = cluster;
    this.master = master;
    this.replica = replica;
  }

  static async start(options: ClusterOptions = {}): Promise<ReplicatedRedisCluster> {
    const cluster = await RedisCluster.start(options);
    const [, master = expectedMaster()] = cluster.masters;
    const { persistent, nodeTimeoutMs = STEADY_MS } = options;
    const replica = await RedisServer.start({ persistent, args: ARGS });
    await master.command("CLUSTER", "MEET", "127.0.0.1", replica.port);
    const id = String(await master.command("CLUSTER", "MYID"));
    // The replica must know the master first.
    await eventually("the replica may follow the master", () =>
      replica.command("CLUSTER", "REPLICATE", id).then(Boolean, () => false),
    );
    await follows(replica);
    for (const server of cluster.masters) await knows(server, MASTERS + 1);
    await takeForDeadAfter(nodeTimeoutMs, [replica]);
    return new ReplicatedRedisCluster(cluster, master, replica);
  }

  get url(): string {
    return this.#cluster.url;
  }

  /** The masters that the cluster began with. */
  get masters(): readonly RedisServer[] {
    return this.#cluster.masters;
  }

  /** Starts one more server, which joins the cluster as a master without slots. The caller ends it. */
  async addServer(): Promise<RedisServer> {
    const server = await RedisServer.start({ persistent: true, args: ARGS });
    await this.replica.insist("CLUSTER", "MEET", "127.0.0.1", server.port);
    await eventually("the new server takes the cluster for complete", async () =>
      String(await server.command("CLUSTER", "INFO")).includes("cluster_state:ok"),
    );
    return server;
  }

  /** Resolves when everything that the master has answered is on the replica too. */
  async replicated(): Promise<void> {
    await replicated(this.master, this.replica);
  }

  /** The replica does not ask to be elected until {@link elect}. */
  async holdElections(): Promise<void> {
    await this.replica.command("CONFIG", "SET", "cluster-replica-no-failover", "yes");
  }

  async elect(): Promise<void> {
    await takeForDeadAfter(QUICK_MS, this.#others);
    await this.replica.command("CONFIG", "SET", "cluster-replica-no-failover", "no");
  }

  /** Resolves when the replica has been elected. From then on no server is taken for dead soon. */
  async failedOver(): Promise<void> {
    await becomes(this.replica, "master");
    await takeForDeadAfter(STEADY_MS, this.#others);
  }

  /** All but the master that has a replica, which may be dead. */
  get #others(): readonly RedisServer[] {
    return [...this.masters.filter((master) => master !== this.master), this.replica];
  }

  /** Resolves when the former master follows the new one. */
  async demoted(): Promise<void> {
    await becomes(this.master, "slave");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.replica[Symbol.asyncDispose]();
    await this.#cluster[Symbol.asyncDispose]();
  }
}

function expectedMaster(): never {
  throw new Error("a Redis Cluster has several masters");
}

/** Sets the silence after which these servers take another one for dead. */
async function takeForDeadAfter(ms: number, servers: readonly RedisServer[]): Promise<void> {
  for (const server of servers) await server.command("CONFIG", "SET", "cluster-node-timeout", ms);
}

/** Resolves when a server takes the cluster for complete, with so many servers, and has a link to each: it carries Pub/Sub. */
async function knows(server: RedisServer, servers: number): Promise<void> {
  await eventually(`a server of Redis Cluster knows ${servers} servers`, async () => {
    const info = String(await server.command("CLUSTER", "INFO"));
    if (!info.includes("cluster_state:ok")) return false;
    const known = String(await server.command("CLUSTER", "NODES"))
      .trim()
      .split("\n");
    return known.length === servers && known.every((line) => / connected( |$)/.test(line));
  });
}
