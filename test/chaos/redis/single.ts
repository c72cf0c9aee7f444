import { RedisServer } from "../../support/redis/redis.ts";
import { FaultyProxy } from "../proxy.ts";
import type { ChaosRedis } from "./kind.ts";

/** One Redis that keeps its data across a crash, behind a proxy for each node. */
export class SingleRedis implements ChaosRedis {
  readonly kind = "single";
  readonly proxies: readonly FaultyProxy[];
  readonly #server: RedisServer;

  private constructor(server: RedisServer, proxies: readonly FaultyProxy[]) {
    this.#server = server;
    this.proxies = proxies;
  }

  static async start(nodes: number): Promise<SingleRedis> {
    const server = await RedisServer.start({ persistent: true });
    const starting = Array.from({ length: nodes }, () => FaultyProxy.start(() => [server.port]));
    return new SingleRedis(server, await Promise.all(starting));
  }

  urlOf(node: number): string {
    return `redis://127.0.0.1:${this.proxies[node]?.port}`;
  }

  async masters(): Promise<readonly RedisServer[]> {
    return [this.#server];
  }

  async hasFailedOver(): Promise<boolean> {
    return false;
  }

  async rest(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    await this.#server[Symbol.asyncDispose]();
  }
}
