import { inspect } from "node:util";
import { expect, it } from "vitest";
import { createHub } from "../../../../src/index.ts";
import { launch } from "../../../cli/run.ts";
import { RedisServer } from "../../../support/redis/redis.ts";

const USER = "app-user-7f3a";
const PASSWORD = "correct-horse-battery";

const rightsOf = (...rights: string[]): string[] => ["on", `>${PASSWORD}`, "~*", "&*", "+@all", ...rights];

/** How Redis is before the hub starts. */
const SCENES: Record<string, (redis: RedisServer) => Promise<unknown>> = {
  "the user is missing": async () => undefined,
  "scripts are not allowed": (redis) => redis.command("ACL", "SETUSER", USER, ...rightsOf("-@scripting")),
  "Redis does not know AUTH": async () => undefined,
  "the connection is refused": (redis) => redis.kill(),
};

const argsOf = (scene: string): string[] => (scene.includes("AUTH") ? ["--rename-command", "AUTH", ""] : []);

const expectNoSecret = (text: string): void => {
  for (const part of [USER, PASSWORD, ...PASSWORD.split("-")]) expect(text).not.toContain(part);
};

it.each(Object.keys(SCENES))("no secret is reported or printed when %s", async (scene) => {
  await using redis = await RedisServer.start({ args: argsOf(scene) });
  await SCENES[scene]?.(redis);
  for (const scheme of ["redis", "redis-cluster"]) {
    const url = redis.url.replace("redis://", `${scheme}://${USER}:${PASSWORD}@`);
    const hub = createHub({ logLevel: "silent", redis: url });
    const failure = await new Promise((resolve) => hub.on("error", ({ error }) => resolve(error)));
    await hub.close();
    expect(failure).toBeInstanceOf(Error);
    expectNoSecret(inspect(failure, { depth: Number.POSITIVE_INFINITY, showHidden: true }));
    const server = launch(["--redis", url, "--log-level", "trace"]);
    await server.prints((line) => /"stage":"(redis|start)"/.test(line));
    server.signal("SIGTERM");
    const { stdout, stderr } = await server.ended;
    expectNoSecret(stdout + stderr);
  }
});
