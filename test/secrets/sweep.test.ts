import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { maskConfig, resolveConfig } from "../../src/config/config.ts";
import { createHub } from "../../src/index.ts";
import { launch, serve, tidings } from "../cli/run.ts";
import { Peer } from "../support/peer.ts";
import { RedisServer } from "../support/redis/redis.ts";
import { API_KEY, JWT_SECRET, PASSWORD, SCENES, SECRETS, USER } from "./scenes.ts";

const LEVELS = ["silent", "error", "trace"];

const GIVEN = { JWT_SECRET, API_KEY };

function expectNoSecret(output: string): void {
  for (const secret of SECRETS) expect(output).not.toContain(secret);
}

/** Everything in an error that somebody could print. */
const allOf = (thrown: unknown): string =>
  inspect(thrown, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true });

/** The first failure of a hub, or the error with which it cannot be made. */
async function failureOf(redis: string): Promise<unknown> {
  const failures: unknown[] = [];
  try {
    const hub = createHub({ logLevel: "silent", redis, jwt: { secret: JWT_SECRET }, apiKey: API_KEY });
    const failed = new Promise((resolve) => hub.on("error", ({ error }) => resolve(failures.push(error))));
    hub.ready.catch((error: unknown) => failures.push(error));
    await failed;
    await hub.close();
  } catch (error) {
    failures.push(error);
  }
  return failures;
}

/** Everything that a server prints until it has reported a failure or ended. Some get the URL by a flag, some by the environment. */
async function outputOf(url: string, args: readonly string[]): Promise<string> {
  const server = url.startsWith("redis-cluster:")
    ? launch([...args, "--redis", url], GIVEN)
    : launch(args, { ...GIVEN, REDIS_URL: url });
  const failed = server.prints((line) => line.includes('"stage"'));
  failed.catch(() => undefined);
  await Promise.race([failed, server.ended]);
  server.signal("SIGTERM");
  const { stdout, stderr } = await server.ended;
  return stdout + stderr + server.printed.join("\n");
}

/** What `tidings config` prints of a URL, or the error that it ends with. */
function shownOf(url: string): string {
  try {
    return JSON.stringify(maskConfig(resolveConfig({ env: { REDIS_URL: url, ...GIVEN } })));
  } catch (error) {
    return allOf(error);
  }
}

function shownOfFile(file: string): string {
  try {
    return JSON.stringify(maskConfig(resolveConfig({ file })));
  } catch (error) {
    return allOf(error);
  }
}

/** An operator may see the user of a URL, whose password is masked. */
const withoutUser = (output: string): string => output.replaceAll(`${USER}:***@`, "***@");

it.each(Object.keys(SCENES))("no error, log or configuration shows a secret when %s", async (name) => {
  await using scene = await (SCENES[name]?.() ?? expect.fail("there is no such scene"));
  const args = ["--log-level", "trace", ...(name.length % 2 === 0 ? ["--json"] : [])];
  const [failure, output] = await Promise.all([failureOf(scene.url), outputOf(scene.url, args)]);
  for (const text of [allOf(failure), output, shownOf(scene.url)]) expectNoSecret(withoutUser(text));
});

it.each(LEVELS)(
  "a server at level %s whose Redis refuses it while it runs shows no secret",
  async (level) => {
    await using redis = await RedisServer.start();
    await redis.command("ACL", "SETUSER", USER, "on", `>${PASSWORD}`, "~*", "&*", "+@all");
    const url = redis.url.replace("redis://", `redis://${USER}:${PASSWORD}@`);
    const server = await serve(["--log-level", level], { ...GIVEN, REDIS_URL: url });
    const headers = { "x-api-key": API_KEY, "content-type": "application/json" };
    const post = { method: "POST", headers, body: JSON.stringify({ to: "bob", type: "n", data: 1 }) };
    const answers: string[] = [];
    const ask = async (path: string, init?: RequestInit): Promise<void> => {
      answers.push(await (await fetch(server.url + path, init)).text());
    };

    await redis.command("ACL", "SETUSER", USER, "-@all", "+ping");
    for (const path of ["/ws/message", "/ready", "/metrics", "/nodes", "/users"]) {
      await ask(path, path === "/ws/message" ? post : { headers });
    }
    await redis.command("ACL", "DELUSER", USER);
    for (const path of ["/ws/message", "/ready", "/metrics", "/stats", "/health", "/openapi.json"]) {
      await ask(path, path === "/ws/message" ? post : { headers });
    }
    server.signal("SIGTERM");
    const { stdout, stderr } = await server.ended;

    expectNoSecret(stdout + stderr + server.printed.join("\n"));
    for (const answer of answers) expectNoSecret(answer);
  },
);

it("a token or a key that is wrong is in no log and no answer", async () => {
  const server = await serve(["--log-level", "trace"], GIVEN);
  const wrong = ["pelican-token-0123456789", "pelican.eyJzdWIiOiJwZWxpY2FuIn0.pelican"];
  const answers: string[] = [];
  for (const token of wrong) {
    for (const url of [`${server.socketUrl}?token=${token}`, server.socketUrl]) {
      const peer = new Peer(url, { headers: { "x-api-key": token } });
      peer.socket.on("open", () => peer.send({ id: 1, action: "robot.login", data: { token } }));
      answers.push(JSON.stringify([await peer.closed, peer.frames]));
    }
    for (const headers of [{ "x-api-key": token }, { authorization: `Bearer ${token}` }, {}]) {
      const query = `?api_key=${token}&token=${token}`;
      answers.push(await (await fetch(`${server.url}/users${query}`, { headers })).text());
      const init = { method: "POST", headers, body: `{"apiKey":"${token}"` };
      answers.push(await (await fetch(`${server.url}/ws/message`, init)).text());
    }
  }
  server.signal("SIGTERM");
  const { stdout, stderr } = await server.ended;

  for (const output of [stdout, stderr, ...server.printed, ...answers]) {
    expect(output).not.toContain("pelican");
    expectNoSecret(output);
  }
});

describe("the command line", () => {
  const cases: Record<string, { args: string[]; env?: Record<string, string> }> = {
    "a URL with a password": { args: ["users", "--url", `http://${USER}:${PASSWORD}@127.0.0.1:1`] },
    "a URL with a password in the environment": {
      args: ["nodes"],
      env: { TIDINGS_URL: `http://${PASSWORD}@127.0.0.1:1` },
    },
    "a URL with a key in the query": { args: ["nodes", "--url", `http://127.0.0.1:1/?key=${API_KEY}`] },
    "a server that is not there": { args: ["users", "--url", "http://127.0.0.1:1", "--api-key", API_KEY] },
    "a flag with a typing error": { args: ["users", `--api-kye=${API_KEY}`] },
    "a setting's flag with a typing error": { args: ["serve", `--jwt-secert=${JWT_SECRET}`] },
    "a secret without a flag": { args: ["serve", JWT_SECRET] },
    "a secret in place of a public key": { args: ["serve", "--jwt-public-key", JWT_SECRET] },
    "a URL in place of a port": { args: ["serve", "--port", `redis://${USER}:${PASSWORD}@127.0.0.1`] },
    "keys at a URL with a password": {
      args: ["config", "--jwt-jwks-url", `https://${USER}:${PASSWORD}@127.0.0.1/jwks`],
    },
    "keys at a URL with a query": {
      args: ["config", "--jwt-jwks-url", `https://127.0.0.1/jwks?key=${API_KEY}`],
    },
    "a message log in a database": {
      args: ["config", "--message-log", `postgres://${USER}:${PASSWORD}@127.0.0.1/x?password=${PASSWORD}`],
    },
    "a message log in an unknown database": {
      args: ["serve", "--message-log", `mysql://${USER}:${PASSWORD}@127.0.0.1/x`],
    },
    "a message log with a typing error": {
      args: ["serve", "--message-log", `postgres:${USER}:${PASSWORD}@127.0.0.1/x`],
    },
    "a secret for algorithms of public keys": {
      args: ["serve", "--jwt-secret", JWT_SECRET, "--jwt-algorithms", "RS256"],
    },
    "help with secrets in the environment": {
      args: ["serve", "--help"],
      env: { ...GIVEN, REDIS_URL: `redis://:${PASSWORD}@127.0.0.1` },
    },
  };

  it.each(Object.entries(cases))("shows no secret for %s", async (_, { args, env }) => {
    const { stdout, stderr } = await tidings(args, env);
    expectNoSecret(withoutUser(stdout + stderr));
  });

  it.each([
    `apiKey: ${API_KEY}: x`,
    `apiKey: "${API_KEY}`,
    `jwt:\n  secret: ${JWT_SECRET}\n secret: ${JWT_SECRET}`,
    `redis: [${PASSWORD}\nport: 1`,
    `apiKey: *${API_KEY}`,
    `? ${API_KEY}\n- ${API_KEY}`,
    `{"apiKey": "${API_KEY}" "port": 1}`,
    `"${API_KEY}" "${API_KEY}"`,
  ])("shows no secret for the broken file %j", async (content) => {
    const directory = await mkdtemp(join(tmpdir(), "tidings-secrets-"));
    const file = join(directory, "tidings.yaml");
    await writeFile(file, content);
    expectNoSecret(shownOfFile(file));
    await rm(directory, { recursive: true });
  });
});
