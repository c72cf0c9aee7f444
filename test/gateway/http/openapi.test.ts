import { describe, expect, it } from "vitest";
import { z } from "zod";
import { startHub } from "../../support/hub.ts";
import { API_KEY } from "../../support/keys.ts";
import { connectPeer } from "../../support/peer.ts";
import { call } from "./call.ts";

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: Record<string, unknown>;
}

type Content = Record<string, { schema: Record<string, unknown> }>;

interface Operation {
  operationId: string;
  summary: string;
  parameters: Parameter[];
  requestBody?: { required: boolean; content: Content };
  responses: Record<string, { description: string; content: Content }>;
}

const apiKey = API_KEY;
const messageLog = { write: async () => undefined, search: async () => ({ messages: [] }) };
const jwt = { secret: "a secret of at least thirty-two bytes" };
const options = { apiKey, jwt, messageLog, node: { id: "n1" } };

async function documentOf(running: Awaited<ReturnType<typeof startHub>>) {
  const { body } = await call(running, "/openapi.json", { headers: { "x-api-key": apiKey } });
  // The tests below check its shape.
  const paths = body.paths as Record<string, Record<string, Operation>>;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
  );
  return { document: body, operations };
}

/** A value for every required field of any route. */
const SAMPLES: Record<string, unknown> = {
  channel: "all",
  data: 1,
  group: "g1",
  message: "hi",
  node: "n1",
  seconds: 1,
  to: "bob",
  type: "chat",
  uid: "bob",
  user: "bob",
  ms: 0,
  operations: [{ op: "broadcast", type: "chat" }],
};

/** Makes a request by the document alone. */
function requestFor(
  { path, method, parameters, requestBody }: Operation & { path: string; method: string },
  samples = SAMPLES,
) {
  const sample = (name: string) => encodeURIComponent(String(samples[name]));
  const query = parameters.filter((each) => each.in === "query" && samples[each.name] !== undefined);
  const target = path.replace(/\{(\w+)\}/g, (_, name: string) => sample(name));
  const text = query.map(({ name }) => `${name}=${sample(name)}`).join("&");
  const properties = requestBody?.content["application/json"]?.schema.properties ?? {};
  // Routes that take both `to` and `group` accept only one.
  const isEither = Object.hasOwn(properties, "to");
  const names = Object.keys(properties).filter((name) => name in samples && !(isEither && name === "group"));
  const body = requestBody && Object.fromEntries(names.map((name) => [name, samples[name]]));
  return { path: text === "" ? target : `${target}?${text}`, method: method.toUpperCase(), body };
}

describe("GET /openapi.json", () => {
  it("is an OpenAPI 3.1 document", async () => {
    const { document, operations } = await documentOf(await startHub(options));
    expect(document).toMatchObject({
      openapi: "3.1.0",
      info: { title: "Tidings", version: expect.any(String) },
      security: [{ apiKey: [] }, { bearer: [] }],
      components: { schemas: { Failure: { type: "object" } } },
    });
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, summary, parameters, responses } of operations) {
      expect(summary).not.toBe("");
      const inPath = parameters.filter((each) => each.in === "path");
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(inPath.every(({ required }) => required)).toBe(true);
      for (const { description, content } of Object.values(responses)) {
        expect(description).not.toBe("");
        for (const { schema } of Object.values(content)) expect(schema).toBeTypeOf("object");
      }
    }
  });

  it("resolves every reference in it", async () => {
    const { document } = await documentOf(await startHub(options));
    const refs = JSON.stringify(document).match(/(?<="\$ref":"#\/)[^"]+/g) ?? [];
    expect(refs.length).toBeGreaterThan(0);
    for (const ref of new Set(refs)) {
      const found = ref
        .split("/")
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document);
      expect(found).toBeTypeOf("object");
    }
  });

  it("contains the routes that clients rely on", async () => {
    const { operations } = await documentOf(await startHub(options));
    const routes = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(routes.sort()).toEqual([
      "DELETE /groups/members",
      "DELETE /groups/{group}/members/{user}",
      "GET /blocks",
      "GET /config",
      "GET /connections",
      "GET /connections/{connection}",
      "GET /groups",
      "GET /groups/count",
      "GET /groups/members",
      "GET /groups/{group}/count",
      "GET /groups/{group}/members",
      "GET /health",
      "GET /history",
      "GET /limits",
      "GET /messages",
      "GET /metrics",
      "GET /nodes",
      "GET /nodes/connections",
      "GET /nodes/groups",
      "GET /nodes/history",
      "GET /nodes/stats",
      "GET /nodes/top",
      "GET /nodes/{node}/connections",
      "GET /nodes/{node}/groups",
      "GET /nodes/{node}/stats",
      "GET /openapi.json",
      "GET /ready",
      "GET /stats",
      "GET /users",
      "GET /users/connections",
      "GET /users/groups",
      "GET /users/search",
      "GET /users/sessions",
      "GET /users/{user}/connections",
      "GET /users/{user}/groups",
      "GET /users/{user}/sessions",
      "GET /why",
      "GET /ws",
      "GET /ws/health",
      "GET /ws/stats",
      "POST /batch",
      "POST /console/session",
      "POST /debug/profile",
      "POST /groups/data",
      "POST /groups/join",
      "POST /groups/leave",
      "POST /groups/members",
      "POST /groups/send",
      "POST /groups/{group}/data",
      "POST /groups/{group}/join",
      "POST /groups/{group}/leave",
      "POST /groups/{group}/members",
      "POST /groups/{group}/send",
      "POST /history/delete",
      "POST /history/edit",
      "POST /nodes/drain",
      "POST /nodes/{node}/drain",
      "POST /send",
      "POST /tokens",
      "POST /users/block",
      "POST /users/kick",
      "POST /users/refresh",
      "POST /users/{user}/block",
      "POST /users/{user}/kick",
      "POST /users/{user}/refresh",
      "POST /ws/broadcast",
      "POST /ws/message",
      "PUT /limits",
    ]);
  });

  it("describes what its routes answer", async () => {
    const running = await startHub(options);
    const { operations } = await documentOf(running);
    const { id, offset } = await running.hub.broadcast({ type: "chat" });
    const peer = await connectPeer(running.url({ token: await running.hub.token({ user: "carol" }) }));
    const connection = (await peer.frame("welcome")).connection;
    const samples = { ...SAMPLES, id, offset, connection };
    const isDrain = ({ path }: { path: string }): boolean => path.endsWith("/drain");
    // A node that drains has no connections.
    const drainLast = operations.sort((one, other) => Number(isDrain(one)) - Number(isDrain(other)));
    for (const operation of drainLast) {
      const { path, method, body } = requestFor(operation, samples);
      const answer = await call(running, path, { method, body, headers: { "x-api-key": apiKey } });
      const documented = operation.responses[answer.status]?.content;
      expect(documented, `${method} ${path} answered ${answer.status} ${answer.text}`).toBeDefined();
      const schema = documented?.["application/json"]?.schema;
      if (schema !== undefined) expect(() => z.fromJSONSchema(schema).parse(answer.body)).not.toThrow();
      else expect(answer.headers.get("content-type")).toContain(Object.keys(documented ?? {})[0]);
    }
  });

  it("requires no key for open routes", async () => {
    const { document } = await documentOf(await startHub());
    expect(document.security).toEqual([]);
  });
});
