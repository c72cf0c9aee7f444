import { eventually } from "../eventually.ts";
import { becomes, follows, replicated } from "./replication.ts";
import { type RedisOptions, RedisServer, type TestRedis } from "./server.ts";

const SLOTS = 16_384;
const MASTERS = 3;
/** Validity factor 0: a replica may be elected however long its master has been away. */
const ARGS = [
  ...["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"],
  ...["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"],
];

/** A Redis Cluster of three masters on loopback that share the slots. `await using` stops it. */
export class RedisCluster implements TestRedis, AsyncDisposable {
  readonly masters: readonly RedisServer[];

  private constructor(masters: readonly RedisServer[]) {
    this.masters = masters;
  }

  static async start(options: Pick<RedisOptions, "persistent"> = {}): Promise<RedisCluster> {
    const masters = await Promise.all(
      Array.from({ length: MASTERS }, () => RedisServer.start({ ...options, args: ARGS })),
    );
    const cluster = new RedisCluster(masters);
    await cluster.#form();
    return cluster;
  }

  get url(): string {
    return `redis-cluster://${this.masters.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.masters.map((master) => master[Symbol.asyncDispose]()));
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

/**
 * A Redis Cluster and a replica of one of its masters, which takes the place of a dead master. `await using` stops all.
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

  static async start(): Promise<ReplicatedRedisCluster> {
    const cluster = await RedisCluster.start();
    const [, master = expectedMaster()] = cluster.masters;
    const replica = await RedisServer.start({ args: ARGS });
    await master.command("CLUSTER", "MEET", "127.0.0.1", replica.port);
    const id = String(await master.command("CLUSTER", "MYID"));
    // The replica must know the master first.
    await eventually("the replica may follow the master", () =>
      replica.command("CLUSTER", "REPLICATE", id).then(Boolean, () => false),
    );
    await follows(replica);
    for (const server of cluster.masters) await knows(server, MASTERS + 1);
    return new ReplicatedRedisCluster(cluster, master, replica);
  }

  get url(): string {
    return this.#cluster.url;
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
    await this.replica.command("CONFIG", "SET", "cluster-replica-no-failover", "no");
  }

  /** Resolves when the replica has been elected. */
  async failedOver(): Promise<void> {
    await becomes(this.replica, "master");
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

/** Resolves when a server takes the cluster for complete, with so many servers. */
async function knows(server: RedisServer, servers: number): Promise<void> {
  await eventually(`a server of Redis Cluster knows ${servers} servers`, async () => {
    const info = String(await server.command("CLUSTER", "INFO"));
    return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${servers}`);
  });
}
