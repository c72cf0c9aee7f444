import { createServer } from "node:net";
import { freePort } from "../support/free-port.ts";
import { RedisServer } from "../support/redis/redis.ts";

export const USER = "app-user-7f3a";
export const PASSWORD = "correct-horse-battery";
export const JWT_SECRET = "zebra-umbrella-quartz-0123456789abcdef";
export const API_KEY = "walnut-lantern-0123456789";

/** What no output may contain: the secrets, and each word of them. */
export const SECRETS: readonly string[] = [
  USER,
  PASSWORD,
  ...PASSWORD.split("-"),
  JWT_SECRET,
  "zebra",
  API_KEY,
  "walnut",
];

/** A Redis that fails, or a URL that no Redis can have. */
export interface Scene extends AsyncDisposable {
  readonly url: string;
}

const CREDENTIALS = `${USER}:${PASSWORD}`;

const rightsOf = (...rights: string[]): string[] => [USER, "on", `>${PASSWORD}`, ...rights];

async function onRedis(
  url: (port: number) => string,
  { args = [], rights }: { args?: readonly string[]; rights?: readonly string[] } = {},
): Promise<Scene> {
  const redis = await RedisServer.start({ args });
  if (rights !== undefined) await redis.command("ACL", "SETUSER", ...rightsOf(...rights));
  return { url: url(redis.port), [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
}

const nowhere = async (url: string): Promise<Scene> => ({
  url,
  [Symbol.asyncDispose]: async () => undefined,
});

const plain = (port: number): string => `redis://${CREDENTIALS}@127.0.0.1:${port}`;

const clustered = (port: number): string => plain(port).replace("redis:", "redis-cluster:");

/** A server that answers every connection with garbage, as another protocol would. */
async function garbage(): Promise<Scene> {
  const server = createServer((socket) =>
    socket.on("error", () => undefined).end(`-ERR ${"x".repeat(100)}\r\n`),
  );
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { url: plain(port), [Symbol.asyncDispose]: async () => void server.close() };
}

/** Failures at the start, by name. */
export const SCENES: Readonly<Record<string, () => Promise<Scene>>> = {
  "the user is unknown": () => onRedis(plain),
  "the password is wrong": () =>
    onRedis((port) => plain(port).replace(PASSWORD, `${PASSWORD}-not`), { rights: ["~*", "&*", "+@all"] }),
  "scripts are not allowed": () => onRedis(plain, { rights: ["~*", "&*", "+@all", "-@scripting"] }),
  "subscribing is not allowed": () => onRedis(plain, { rights: ["~*", "&*", "+@all", "-subscribe"] }),
  "publishing is not allowed": () => onRedis(plain, { rights: ["~*", "&*", "+@all", "-publish"] }),
  "no key is allowed": () => onRedis(plain, { rights: ["~other:*", "&*", "+@all"] }),
  "no channel is allowed": () => onRedis(plain, { rights: ["~*", "resetchannels", "+@all"] }),
  "the database may not be chosen": () =>
    onRedis((port) => `${plain(port)}/3`, { rights: ["~*", "&*", "+@all", "-select"] }),
  "Redis does not know AUTH": () => onRedis(plain, { args: ["--rename-command", "AUTH", ""] }),
  "a password is required and none given": async () => {
    const redis = await RedisServer.start();
    await redis.command("CONFIG", "SET", "requirepass", PASSWORD);
    return { url: redis.url, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
  },
  "the connection is refused": async () => nowhere(plain(await freePort())),
  "the host is unknown": () => nowhere(`redis://${CREDENTIALS}@no-such-host.invalid:6379`),
  "TLS fails": () => onRedis((port) => plain(port).replace("redis:", "rediss:")),
  "another protocol answers": garbage,
  "no Redis Cluster is there": () => onRedis(clustered),
  "one Redis is there in place of a Redis Cluster": () =>
    onRedis(clustered, { rights: ["~*", "&*", "+@all", "-@scripting"] }),
  "a Redis Cluster does not know AUTH": () => onRedis(clustered, { args: ["--rename-command", "AUTH", ""] }),
  "the connection to a Redis Cluster is refused": async () => nowhere(clustered(await freePort())),
  "no Sentinel is there": () =>
    onRedis((port) => `${plain(port).replace("redis:", "redis-sentinel:")}/0#main`),
  "the password is in the query": () => nowhere(`redis://127.0.0.1:6379/?user=${USER}&password=${PASSWORD}`),
  "a raw % is in the password": () => nowhere(`redis://${USER}:%${PASSWORD}@127.0.0.1:1`),
  "a raw / is in the password": () => nowhere(`redis://${USER}:12/${PASSWORD}@127.0.0.1:1`),
  "a raw # is in the password": () => nowhere(`redis://${USER}:12#${PASSWORD}@127.0.0.1:1`),
  "the password stands in place of the user": () => nowhere(`redis://${PASSWORD}@127.0.0.1:1/x`),
};
