import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { startHub } from "../../support/hub.ts";
import { call } from "./call.ts";

const ids = fc.oneof(fc.constantFrom("bob", "g1", "", "x".repeat(256), "\0"), fc.string({ unit: "binary" }));

/** Bodies with known field names, and sometimes values of their types. */
const fields = fc.record(
  {
    type: fc.oneof(fc.constantFrom("chat", "welcome"), fc.jsonValue()),
    to: fc.oneof(ids, fc.jsonValue()),
    group: fc.oneof(ids, fc.jsonValue()),
    user: fc.oneof(ids, fc.jsonValue()),
    uid: fc.oneof(ids, fc.jsonValue()),
    message: fc.jsonValue(),
    data: fc.jsonValue({ maxDepth: 8 }),
    from: fc.oneof(ids, fc.jsonValue()),
    ephemeral: fc.oneof(fc.boolean(), fc.jsonValue()),
    // Long timeouts would only make the test long.
    ack: fc.constantFrom(true, false, "x"),
    timeoutMs: fc.constantFrom(0, 1, -1, 1e9, "x"),
    key: fc.oneof(ids, fc.jsonValue()),
    platforms: fc.oneof(fc.array(ids), fc.jsonValue()),
    except: fc.oneof(fc.array(ids), fc.jsonValue()),
    reason: fc.jsonValue(),
    notice: fc.jsonValue(),
    platform: fc.oneof(ids, fc.jsonValue()),
    expiresInSeconds: fc.oneof(fc.double(), fc.jsonValue()),
  },
  { requiredKeys: [] },
);

const bodies = fc.oneof(
  fields.map((value) => JSON.stringify(value)),
  fc.json(),
  fc.string(),
  fc
    .dictionary(fc.constantFrom("uid", "message", "ephemeral", "key"), ids)
    .map((form) => new URLSearchParams(form)),
);

const paths = fc.oneof(
  fc.constantFrom("/ws/message", "/ws/broadcast", "/send", "/tokens", "/history", "/users", "/stats"),
  ids.map((id) => `/users/${encodeURIComponent(id.toWellFormed())}/connections`),
  ids.map((id) => `/users/${encodeURIComponent(id.toWellFormed())}/kick`),
  ids.map((id) => `/groups/${encodeURIComponent(id.toWellFormed())}/members`),
  ids.map((id) => `/groups/${encodeURIComponent(id.toWellFormed())}/send`),
  // The pages are no JSON: the start page at "/", and at "/." as a client resolves it, and the others.
  fc.webPath().filter((path) => !/^\/*((console|dev)\/?)?$/.test(new URL(`http://host${path}`).pathname)),
);

const queries = fc.oneof(
  fc.constant(""),
  fc.webQueryParameters(),
  fc
    .dictionary(
      fc.constantFrom("channel", "before", "limit", "cursor"),
      fc.oneof(ids, fc.integer().map(String)),
    )
    .map((query) => String(new URLSearchParams(query))),
);

const contentTypes = fc.constantFrom(
  "application/json",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
  "multipart/form-data; boundary=x",
  "text/plain",
  "x",
);

describe("the HTTP API", () => {
  it("answers any request with a result or a 4xx, in JSON", async () => {
    const running = await startHub({ publish: { ackTimeoutMs: 1 } });
    const request = fc.record({
      path: paths,
      query: queries,
      method: fc.constantFrom("GET", "POST", "DELETE"),
      body: bodies,
      type: contentTypes,
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ path, query, method, body, type }) => {
        const headers: Record<string, string> =
          body instanceof URLSearchParams ? {} : { "content-type": type };
        const sent = method === "GET" ? {} : { body, headers };
        const answer = await call(running, `${path}?${query}`, { method, ...sent });
        expect(answer.status).toBeLessThan(500);
        expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
        if (answer.status >= 400) {
          expect(answer.body).toEqual({ error: { code: expect.any(String), message: expect.any(String) } });
        }
      }),
      { numRuns: 500 },
    );
    expect((await call(running, "/health")).body).toMatchObject({ status: "healthy" });
  });
});
