import { Redis } from "ioredis";
import { RedisServer } from "../../test/support/redis/redis.ts";

/** The work of Redis since it started. */
export interface RedisUsage {
  cpuUs: number;
  commands: number;
}

/** The bench's own redis-server, which the nodes share: on loopback, without persistence. */
export class BenchRedis {
  readonly url: string;
  readonly #server: RedisServer;
  readonly #client: Redis;
  #asked = 0;

  static async start(): Promise<BenchRedis> {
    return new BenchRedis(await RedisServer.start());
  }

  private constructor(server: RedisServer) {
    this.url = server.url;
    this.#server = server;
    this.#client = new Redis(server.url);
  }

  /** Reads the work so far. The command that reads it is not counted. */
  async usage(): Promise<RedisUsage> {
    const text = await this.#client.info("everything");
    const seconds = Number(valueIn(text, "used_cpu_user")) + Number(valueIn(text, "used_cpu_sys"));
    const commands = Number(valueIn(text, "total_commands_processed")) - this.#asked++;
    return { cpuUs: seconds * 1e6, commands };
  }

  async stop(): Promise<void> {
    this.#client.disconnect();
    await this.#server[Symbol.asyncDispose]();
  }
}

/** A value of Redis's INFO. */
const valueIn = (text: string, name: string): string =>
  new RegExp(`^${name}:(.*?)\r?$`, "m").exec(text)?.[1] ?? "";
