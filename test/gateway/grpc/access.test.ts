import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { SERVICE, serviceOf } from "../../../src/gateway/grpc/schema.ts";
import { API_KEY } from "../../support/keys.ts";
import { call } from "../http/call.ts";
import { type Fields, GrpcClient, jwt, SCHEMA, startGrpc } from "./client.ts";

const KEYS = {
  admin: "an API key of the scope admin",
  publish: "an API key of the scope publish",
  read: "an API key of the scope read",
};
const apiKeys = Object.entries(KEYS).map(([scope, key]) => `${scope}:${key}`);

/** A method of each scope. */
const SCOPED = {
  admin: ["KickUser", { user: "bob" }],
  publish: ["Broadcast", { type: "news" }],
  read: ["ListUsers", {}],
} as const;

describe("the access to gRPC", () => {
  it("needs a key of the scope that the HTTP API needs, in either header", async () => {
    const { url } = await startGrpc({ apiKeys });
    for (const [scope, key] of Object.entries(KEYS)) {
      const clients = [
        new GrpcClient(url, { "x-api-key": key }),
        new GrpcClient(url, { authorization: `Bearer ${key}` }),
      ];
      for (const client of clients) {
        for (const [needed, [method, request]] of Object.entries(SCOPED)) {
          const answer = client.call(method, request);
          if (scope === "admin" || scope === needed) await answer;
          else await expect(answer).rejects.toMatchObject({ code: Code.PermissionDenied });
        }
      }
    }
  });

  it("needs the scope read for a stream", async () => {
    const { url } = await startGrpc({ apiKeys });
    const open = async (key: string): Promise<unknown> => {
      const events = new GrpcClient(url, { "x-api-key": key }).stream("Subscribe", { channel: "all" });
      const { value } = await events.next();
      await events.return(undefined);
      return value;
    };
    await expect(open(KEYS.publish)).rejects.toMatchObject({ code: Code.PermissionDenied });
    await expect(open("an API key that nobody has")).rejects.toMatchObject({ code: Code.Unauthenticated });
    await open(KEYS.read);
  });

  it("refuses a caller without a valid key with the words of the HTTP API, and before it reads the request", async () => {
    const { running, url } = await startGrpc();
    const { body } = await call(running, "/stats");
    const nobody = new GrpcClient(url);
    const refusal = { code: Code.Unauthenticated, rawMessage: (body.error as Fields).message };
    await expect(nobody.call("Stats")).rejects.toMatchObject(refusal);
    const huge = nobody.call("Broadcast", { type: "x", dataJson: `"${"x".repeat(10_000_000)}"` });
    await expect(huge).rejects.toMatchObject({ code: Code.Unauthenticated });
  });

  it("counts refused callers by the limits of the HTTP API", async () => {
    const { url } = await startGrpc({ limits: { http: { rate: "2-H", whitelistCIDRs: [] } } });
    const nobody = new GrpcClient(url);
    for (let time = 0; time < 2; time++)
      await expect(nobody.call("Stats")).rejects.toMatchObject({ code: Code.Unauthenticated });
    await expect(nobody.call("Stats")).rejects.toMatchObject({ code: Code.ResourceExhausted });
  });

  it("is open to this machine in development mode, and to nothing that came through a proxy", async () => {
    const { url } = await startGrpc({ jwt: undefined, apiKey: undefined });
    const client = new GrpcClient(url);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await client.call("Stats");
    const proxied = client.call("Stats", {}, { headers: { "x-forwarded-for": "203.0.113.1" } });
    await expect(proxied).rejects.toMatchObject({ code: Code.PermissionDenied });
  });

  it("is closed outside of development mode without any key", async () => {
    const { client } = await startGrpc({ jwt, apiKey: undefined });
    await expect(client.call("Stats")).rejects.toMatchObject({ code: Code.Unauthenticated });
    await client.call("Ready");
  });
});

/** A hang must end some day. */
const UNTIL = { timeout: 60_000 };

describe("the health service", () => {
  const HEALTH = serviceOf(SCHEMA, SERVICE.health);

  it("tells what /ready tells, without a key", async () => {
    const { running, url } = await startGrpc({ shutdown: { delayMs: 2_500 } });
    const health = new GrpcClient(url, {}, HEALTH);
    for (const service of ["", SERVICE.tidings, SERVICE.health])
      expect(await health.call("Check", { service })).toEqual({ status: 1 });
    await expect(health.call("Check", { service: "other" })).rejects.toMatchObject({ code: Code.NotFound });
    const watch = health.stream("Watch", { service: SERVICE.tidings });
    expect((await watch.next()).value).toMatchObject({ status: 1 });
    void running.hub.close();
    expect((await watch.next()).value).toMatchObject({ status: 2 });
    expect(await health.call("Check", {})).toEqual({ status: 2 });
    await watch.return(undefined);
  });

  it("watches an unknown service without ending the call", async () => {
    const { url } = await startGrpc();
    const watch = new GrpcClient(url, {}, HEALTH).stream("Watch", { service: "other" });
    expect((await watch.next()).value).toMatchObject({ status: 3 });
    await watch.return(undefined);
  });

  it("takes 256 watchers, and another one when one of them has ended", async () => {
    const { url } = await startGrpc();
    const health = new GrpcClient(url, {}, HEALTH);
    const watches = Array.from({ length: 256 }, () => health.stream("Watch", { service: "other" }));
    for (const watch of watches) await watch.next();
    const more = health.stream("Watch", { service: "other" }).next();
    await expect(more).rejects.toMatchObject({ code: Code.Unavailable });
    await watches.pop()?.return(undefined);
    await expect
      .poll(async () => {
        const watch = health.stream("Watch", { service: "other" });
        return watch.next().then(
          () => true,
          () => false,
        );
      }, UNTIL)
      .toBe(true);
    for (const watch of watches) void watch.return(undefined);
  });
});

describe("reflection", () => {
  it.each([SERVICE.reflection, SERVICE.olderReflection])(
    "of %s tells all services and their files",
    async (name) => {
      const { url } = await startGrpc();
      const stranger = new GrpcClient(url, {}, serviceOf(SCHEMA, name));
      const listing = { messageRequest: { case: "listServices", value: "" } };
      const refused = stranger.stream("ServerReflectionInfo", listing).next();
      await expect(refused).rejects.toMatchObject({ code: Code.Unauthenticated });
      const client = new GrpcClient(url, { "x-api-key": API_KEY }, serviceOf(SCHEMA, name));
      const ask = async (kind: string, value: string): Promise<Fields> => {
        const request = { messageRequest: { case: kind, value } };
        for await (const { messageResponse } of client.stream("ServerReflectionInfo", request))
          return (messageResponse as { value: Fields }).value;
        throw new Error("no answer");
      };
      const { service } = await ask("listServices", "");
      expect((service as Fields[]).map((each) => each.name)).toEqual(Object.values(SERVICE));
      for (const symbol of [SERVICE.tidings, `${SERVICE.tidings}.Subscribe`, "tidings.v1.Receipt"]) {
        const { fileDescriptorProto } = await ask("fileContainingSymbol", symbol);
        expect(fileDescriptorProto).toHaveLength(1);
      }
      expect(await ask("fileByFilename", "tidings/v1/tidings.proto")).toHaveProperty("fileDescriptorProto");
      expect(await ask("fileByFilename", "no.proto")).toMatchObject({ errorCode: Code.NotFound });
    },
  );
});

it("counts calls by their status and time, and sessions, and counts none of them as requests of HTTP", async () => {
  const { running, client } = await startGrpc();
  await client.call("Stats");
  await client.call("SendMessage", {}).catch(() => undefined);
  const stream = client.stream("Subscribe", { channel: "group:g" });
  await stream.next();
  const headers = { "x-api-key": API_KEY };
  await call(running, "/stats", { headers });
  const { text } = await call(running, "/metrics", { headers });
  await stream.return(undefined);
  expect(text.split("\n").filter((line) => line.startsWith("tidings_http_requests_total{"))).toEqual([
    'tidings_http_requests_total{route="/stats",status="200"} 1',
  ]);
  expect(text.match(/^tidings_http_request_seconds_count.*$/gm)).toEqual([
    'tidings_http_request_seconds_count{route="/stats"} 1',
  ]);
  expect(text.match(/^tidings_grpc_call_seconds_count.*$/gm)?.sort()).toEqual([
    'tidings_grpc_call_seconds_count{method="SendMessage"} 1',
    'tidings_grpc_call_seconds_count{method="Stats"} 1',
  ]);
  expect(text).toContain('tidings_grpc_calls_total{code="ok"} 1');
  expect(text).toContain('tidings_grpc_calls_total{code="invalid_argument"} 1');
  expect(text).toContain("tidings_grpc_sessions 1");
});
