import { eventually, type RedisOptions, RedisServer, type TestRedis } from "./redis.ts";

const SLOTS = 16_384;
const MASTERS = 3;

/** A Redis Cluster of three masters on loopback that share the slots. `await using` stops it. */
export class RedisCluster implements TestRedis, AsyncDisposable {
  readonly masters: readonly RedisServer[];

  private constructor(masters: readonly RedisServer[]) {
    this.masters = masters;
  }

  static async start(options: Pick<RedisOptions, "persistent"> = {}): Promise<RedisCluster> {
    const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
    const masters = await Promise.all(
      Array.from({ length: MASTERS }, () => RedisServer.start({ ...options, args })),
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

  /** What `redis-cli --cluster create` does, without its pauses. */
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
    for (const master of this.masters) {
      await eventually(async () => {
        const info = String(await master.command("CLUSTER", "INFO"));
        return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${MASTERS}`);
      });
    }
  }
}
