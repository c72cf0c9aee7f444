import { eventually } from "../../support/eventually.ts";
import { RedisSentinel, type RedisServer } from "../../support/redis/redis.ts";
import type { ChaosRedis } from "./kind.ts";

/** Sentinel does nothing for half a minute after each stall of its own, as on a busy machine. */
const PROMOTION_MS = 180_000;

/** A master and a replica under Sentinel, which may change their roles again and again. */
export class SentinelRedis implements ChaosRedis {
  readonly kind = "sentinel";
  readonly proxies = [];
  readonly #sentinel: RedisSentinel;

  private constructor(sentinel: RedisSentinel) {
    this.#sentinel = sentinel;
  }

  static async start(): Promise<SentinelRedis> {
    const sentinel = await RedisSentinel.start();
    await sentinel.elect();
    return new SentinelRedis(sentinel);
  }

  urlOf(): string {
    return this.#sentinel.url;
  }

  async masters(): Promise<readonly RedisServer[]> {
    return [(await this.roles()).master];
  }

  async hasFailedOver(): Promise<boolean> {
    return (await eventually("Sentinel counts failovers", () => this.#sentinel.failovers())) !== "0";
  }

  rest(): Promise<void> {
    return this.#sentinel.holdElections();
  }

  /** The servers by their present roles, as Sentinel tells them to clients. */
  async roles(): Promise<{ readonly master: RedisServer; readonly replica: RedisServer }> {
    const { master: first, replica: second } = this.#sentinel;
    const port = await eventually("Sentinel names a master", () => this.#sentinel.masterPort());
    return port === first.port ? { master: first, replica: second } : { master: second, replica: first };
  }

  /** Resolves when Sentinel has promoted a server, and it takes writes. */
  async promoted(server: RedisServer): Promise<void> {
    const isNamed = async (): Promise<boolean> => (await this.#sentinel.masterPort()) === server.port;
    await eventually("Sentinel names the promoted server", isNamed, PROMOTION_MS);
    await eventually("the promoted server takes writes", async () =>
      (await replicationOf(server)).includes("role:master"),
    );
  }

  /**
   * Makes a server follow the present master, as Sentinel does sooner or later. Resolves when it does, or is the master itself.
   * Sentinel may change the roles meanwhile, on a busy machine also by itself: then two servers could follow each other.
   */
  async follows(server: RedisServer): Promise<void> {
    const isSettled = async (): Promise<boolean> => {
      const { master } = await this.roles();
      if (!(await replicationOf(master)).includes("role:master"))
        await master.insist("REPLICAOF", "NO", "ONE");
      if (master === server) return true;
      const replication = await replicationOf(server);
      if (replication.includes(`master_port:${master.port}`))
        return replication.includes("master_link_status:up");
      await server.insist("REPLICAOF", "127.0.0.1", master.port);
      return false;
    };
    await eventually("the replica follows the master", isSettled, PROMOTION_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sentinel[Symbol.asyncDispose]();
  }
}

const replicationOf = async (server: RedisServer): Promise<string> =>
  String(await server.command("INFO", "replication").catch(() => ""));
