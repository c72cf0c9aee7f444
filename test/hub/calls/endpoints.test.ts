import { expect, it } from "vitest";
import { z } from "zod";
import { type Authenticator, TidingsError } from "../../../src/index.ts";
import { startHub } from "../../support/hub.ts";

const SECRET = "a secret of the tests, 32 bytes!";
const API_KEY = "an API key of the tests";

const sum = {
  name: "sum",
  path: "/app/sum",
  summary: "Adds two numbers",
  access: "user",
  takes: z.object({ one: z.number(), two: z.number() }),
} as const;

async function post(url: string, body: unknown, token?: string, headers: Record<string, string> = {}) {
  const given = token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` };
  const answer = await fetch(url, { method: "POST", headers: given, body: JSON.stringify(body) });
  return {
    status: answer.status,
    headers: answer.headers,
    body: (await answer.json()) as Record<string, unknown>,
  };
}

it("an endpoint of the application takes the token of a user, and checks it before the body", async () => {
  const { hub, at } = await startHub({ jwt: { secret: SECRET }, apiKey: API_KEY });
  hub.endpoint({ ...sum, handle: ({ identity }, { one, two }) => ({ sum: one + two, for: identity?.user }) });
  const token = await hub.token({ user: "alice" });
  const url = `${at.url}/app/sum`;
  expect(await post(url, { one: 1, two: 2 }, token)).toMatchObject({
    status: 200,
    body: { sum: 3, for: "alice" },
  });
  expect(await post(url, { one: "1" }, token)).toMatchObject({
    status: 400,
    body: { error: { code: "bad_request" } },
  });
  const refused = await post(url, { one: "1" });
  expect(refused).toMatchObject({ status: 401, body: { error: { code: "unauthorized" } } });
  expect(refused.headers.get("www-authenticate")).toBe("Bearer");
  expect((await post(url, {}, "x.y.z")).status).toBe(401);
  // A key of the API is no user.
  expect((await post(url, {}, API_KEY)).status).toBe(401);
  expect((await post(url, {}, undefined, { "x-api-key": API_KEY })).status).toBe(401);
  const got = await fetch(url);
  expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
  expect((await fetch(`${at.url}/app/none`)).status).toBe(404);
});

it("an endpoint refuses a blocked user until the block is over", async () => {
  const { hub, at } = await startHub({ jwt: { secret: SECRET } });
  hub.endpoint({ ...sum, handle: (_request, { one, two }) => ({ sum: one + two }) });
  const [alice, bob] = await Promise.all([hub.token({ user: "alice" }), hub.token({ user: "bob" })]);
  const answerTo = (token: string) => post(`${at.url}/app/sum`, { one: 1, two: 2 }, token);
  await hub.user("alice").block(3_600_000);
  const refused = await answerTo(alice);
  expect(refused).toMatchObject({ status: 403, body: { error: { code: "blocked" } } });
  expect(refused.body.error).toMatchObject({ message: "this user is blocked for another 3,600 s" });
  expect((await answerTo(bob)).status).toBe(200);
  await hub.user("alice").block(0);
  expect((await answerTo(alice)).status).toBe(200);
});

it("an endpoint refuses a login of the application's own that has expired, as a connection would end", async () => {
  const auth: Authenticator = {
    mode: "token",
    authenticate: async ({ token }) => ({ user: "alice", expiresAt: Date.now() + Number(token) }),
  };
  const { hub, at } = await startHub({ auth });
  hub.endpoint({ ...sum, handle: (_request, { one, two }) => ({ sum: one + two }) });
  const answerTo = (token: string) => post(`${at.url}/app/sum`, { one: 1, two: 2 }, token);
  expect((await answerTo("3600000")).status).toBe(200);
  expect(await answerTo("-1")).toMatchObject({ status: 401, body: { error: { code: "token_expired" } } });
});

it("an endpoint may be open, and is described in the document that was read before", async () => {
  const { hub, at } = await startHub({ jwt: { secret: SECRET }, apiKey: API_KEY });
  const pathsOf = async (): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${at.url}/openapi.json`, { headers: { "x-api-key": API_KEY } });
    return ((await answer.json()) as { paths: Record<string, unknown> }).paths;
  };
  expect(await pathsOf()).not.toHaveProperty("/app/fail");
  const describes = { gives: { type: "object" } };
  hub.endpoint({
    ...{ ...sum, name: "fail", path: "/app/fail", access: "open", takes: z.object({}), describes },
    handle() {
      throw new TidingsError("conflict", "no");
    },
  });
  expect((await pathsOf())["/app/fail"]).toMatchObject({ post: { operationId: "fail", security: [] } });
  expect(await post(`${at.url}/app/fail`, {})).toMatchObject({
    status: 409,
    body: { error: { message: "no" } },
  });
});

it("development mode answers its own pages only", async () => {
  const { hub, at } = await startHub();
  hub.endpoint({ ...sum, path: "/app/open", access: "open", takes: z.object({}), handle: () => ({}) });
  expect((await post(`${at.url}/app/open`, {})).status).toBe(200);
  expect((await post(`${at.url}/app/open`, {}, undefined, { origin: "https://evil.example" })).status).toBe(
    403,
  );
});

it("an endpoint without a good path, access or schema, or of a path that is taken, is refused", async () => {
  const { hub } = await startHub();
  const handle = () => ({});
  for (const path of ["app", "/app/:id", "/a b", "/", "/app/"])
    expect(() => hub.endpoint({ ...sum, path, handle })).toThrow(
      "endpoint: path: expected the form /chat/join",
    );
  expect(() => hub.endpoint({ ...sum, access: "key" as never, handle })).toThrow(
    'expected access "user" or "open"',
  );
  expect(() => hub.endpoint({ ...sum, takes: {} as never, handle })).toThrow("expected a schema in takes");
  hub.endpoint({ ...sum, handle });
  expect(() => hub.endpoint({ ...sum, handle })).toThrow("there is a POST /app/sum already");
});
