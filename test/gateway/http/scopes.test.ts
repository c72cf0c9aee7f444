import { describe, expect, it } from "vitest";
import { z } from "zod";
import { maskConfig } from "../../../src/config/config.ts";
import { route } from "../../../src/gateway/http/route.ts";
import { resolveConfig } from "../../../src/index.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { call } from "./call.ts";

const KEYS = {
  admin: "an API key of the scope admin",
  publish: "an API key of the scope publish",
  read: "an API key of the scope read",
};
const apiKeys = Object.entries(KEYS).map(([scope, key]) => `${scope}:${key}`);
const jwt = { secret: "a secret of at least thirty-two bytes" };

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly security?: readonly Record<string, string[]>[];
}

async function operationsOf(running: RunningHub): Promise<Operation[]> {
  const { body } = await call(running, "/openapi.json", { headers: { "x-api-key": KEYS.admin } });
  const paths = body.paths as Record<string, Record<string, Operation>>;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, path, method })),
  );
}

/** Calls a route without valid input: only its access matters. @returns the status */
async function statusOf(running: RunningHub, { path, method }: Operation, key: string): Promise<number> {
  const target = `${path.replace(/\{\w+\}/g, "x")}?seconds=0`;
  const body = method === "get" ? undefined : "not JSON";
  const { status } = await call(running, target, {
    method: method.toUpperCase(),
    body,
    headers: { "x-api-key": key },
  });
  return status;
}

describe("the scope of an API key", () => {
  it("opens the routes that the OpenAPI document says, and no others", async () => {
    const running = await startHub({ apiKeys, jwt });
    const operations = await operationsOf(running);
    const scoped = operations.filter(({ security }) => security !== undefined && security.length > 0);
    expect(new Set(scoped.flatMap(({ security }) => security?.[0]?.apiKey))).toEqual(
      new Set(["admin", "publish", "read"]),
    );
    for (const operation of scoped) {
      const [needed] = operation.security?.[0]?.apiKey ?? [];
      for (const [scope, key] of Object.entries(KEYS)) {
        const status = await statusOf(running, operation, key);
        const isAllowed = scope === "admin" || scope === needed;
        const what = `${operation.method} ${operation.path} with ${scope}: ${status}`;
        expect(status === 403, what).toBe(!isAllowed);
        expect(status, what).not.toBe(401);
      }
      expect(await statusOf(running, operation, "an API key that nobody has")).toBe(401);
    }
  });

  it("is named by the 403 when another one is needed", async () => {
    const running = await startHub({ apiKeys, jwt });
    const answer = await call(running, "/tokens", {
      body: { user: "alice" },
      headers: { authorization: `Bearer ${KEYS.publish}` },
    });
    expect(answer.status).toBe(403);
    expect(answer.body).toEqual({
      error: {
        code: "forbidden",
        message: "expected an API key of the scope admin: this key has the scope publish",
      },
    });
  });

  it("is admin for apiKey, beside apiKeys", async () => {
    const running = await startHub({ apiKey: "one more API key", apiKeys, jwt });
    for (const key of ["one more API key", KEYS.admin]) {
      const answer = await call(running, "/tokens", { body: { user: "a" }, headers: { "x-api-key": key } });
      expect(answer.status).toBe(200);
    }
  });

  it("may have two keys, so that one can be replaced", async () => {
    const keys = ["the old key to publish", "the new key to publish"];
    const running = await startHub({ apiKeys: keys.map((key) => `publish:${key}`), jwt });
    for (const key of keys) {
      const headers = { "x-api-key": key };
      const body = { to: "bob", type: "chat" };
      expect((await call(running, "/ws/message", { body, headers })).status).toBe(200);
      expect((await call(running, "/stats", { headers })).status).toBe(403);
    }
  });
});

describe("a route", () => {
  const spec = {
    name: "x",
    method: "get",
    path: "/x",
    summary: "x",
    gives: z.null(),
    handle: () => null,
  } as const;

  it("cannot be made without its access", () => {
    // @ts-expect-error: the compiler refuses it as well
    expect(() => route(spec)).toThrow("x: expected its access: open, any, admin, publish, read");
    // @ts-expect-error
    expect(() => route({ ...spec, access: "everyone" })).toThrow("expected its access");
    expect(route({ ...spec, access: "read" }).access).toBe("read");
  });
});

describe("API_KEYS", () => {
  it("gives scopes and keys, with commas between them", () => {
    const env = { API_KEYS: "publish:a:key:with:colons, read:another-longer-key" };
    expect(resolveConfig({ env }).apiKeys).toEqual(["publish:a:key:with:colons", "read:another-longer-key"]);
  });

  it.each([
    "a key without any scope",
    "write:a key of sixteen bytes",
    ":a key of sixteen bytes",
    "publish: a key after a space",
    "read:schlüssel-mit-umlaut",
    "constructor:a key of sixteen bytes",
  ])("refuses %j without printing it", (text) => {
    const read = () => resolveConfig({ env: { API_KEYS: text } });
    expect(read).toThrow("environment API_KEYS: expected a list such as publish:<key>,read:<key>");
    expect(read).not.toThrow(text);
  });

  it("refuses a scope without a key", () => {
    expect(() => resolveConfig({ env: { API_KEYS: "publish:" } })).toThrow("got ***");
  });

  it("refuses one key with two scopes", () => {
    const twice = { apiKeys: ["publish:one key for both", "read:one key for both"] };
    expect(() => resolveConfig({ code: twice })).toThrow("expected different keys");
    const both = { apiKey: "one key for both", apiKeys: ["read:one key for both"] };
    expect(() => resolveConfig({ code: both })).toThrow("expected different keys");
  });

  it("is masked behind the scopes", () => {
    const masked = maskConfig(resolveConfig({ code: { apiKeys } }));
    expect(masked.apiKeys).toEqual(["admin:***", "publish:***", "read:***"]);
  });
});
