import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/client.ts";
import { Program } from "../examples/program.ts";
import { builtPackage } from "../package/build.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer, Peer } from "../support/peer.ts";
import { readPage } from "./markdown.ts";
import { saved } from "./programs.ts";

// The programs run with it. To build it takes longer than the tests.
beforeAll(() => builtPackage());

const post = (url: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

async function start(page: string, name: string): Promise<{ url: string; program: Program }> {
  const folder = await saved(readPage(page));
  const env = { PORT: "0", ORIGIN: "http://localhost:3000" };
  const program = new Program(process.execPath, [join(folder, name)], { env });
  return { url: `http://127.0.0.1:${await program.prints(/port: (\d+)/)}`, program };
}

/** The body of an answer, as the page says that it is. */
const bodyOf = async (answer: Promise<Response>): Promise<Record<string, string>> =>
  (await (await answer).json()) as Record<string, string>;

const socketOf = (url: string): string => `${url.replace("http", "ws")}/ws`;

describe("docs/AUTHENTICATION.md", () => {
  it("login.ts gives tokens for a password, and for a refresh token once", async () => {
    const { url } = await start("docs/AUTHENTICATION.md", "login.ts");
    expect((await post(`${url}/login`, { user: "alice", password: "guessed" })).status).toBe(401);
    const login = await bodyOf(post(`${url}/login`, { user: "alice", password: "wonderland" }));
    const alice = await connectPeer(`${socketOf(url)}?token=${login.token}`);
    expect(await alice.request("group.join", { group: "team-1" })).toMatchObject({
      data: { recovered: true },
    });
    const { refresh } = login;
    const renewed = await bodyOf(post(`${url}/refresh`, { refresh }));
    expect(await alice.request("robot.login", { token: renewed.token })).toMatchObject({
      data: { user: "alice" },
    });
    expect((await post(`${url}/refresh`, { refresh })).status).toBe(401);
  });

  it("sessions.ts admits the session cookie of an allowed page, and ends it at the logout", async () => {
    const { url } = await start("docs/AUTHENTICATION.md", "sessions.ts");
    const answer = await post(`${url}/login`, { user: "alice", password: "wonderland" });
    const cookie = answer.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const alice = await connectPeer(socketOf(url), { headers: { cookie }, origin: "http://localhost:3000" });
    expect(await alice.frame("welcome")).toMatchObject({ user: "alice", expiresAt: expect.any(Number) });
    expect(await alice.request("group.join", { group: "lobby" })).toMatchObject({
      data: { recovered: true },
    });
    await post(`${url}/logout`, {}, { cookie });
    expect(await alice.closed).toMatchObject({ code: 4501, reason: "logged out" });
    const later = new Peer(socketOf(url), { headers: { cookie }, origin: "http://localhost:3000" });
    expect(await later.closed).toMatchObject({ code: 4500 });
  });

  it("the route of Next.js signs tokens that a hub with the same secret admits", async () => {
    const secret = "a secret of the tests, 32 bytes!";
    process.env.JWT_SECRET = secret;
    onTestFinished(() => void delete process.env.JWT_SECRET);
    const file = join(await saved(readPage("docs/AUTHENTICATION.md")), "app/api/token/route.ts");
    const { POST } = await import(pathToFileURL(file).href);
    const hub = await startHub({ jwt: { secret, audience: "my-app" } });
    const request = (cookie: string): Request =>
      new Request("http://localhost/api/token", { method: "POST", headers: { cookie } });
    expect((await POST(request("session=forged"))).status).toBe(401);
    const { SignJWT } = await import("jose");
    const session = await new SignJWT()
      .setProtectedHeader({ alg: "HS256" })
      .setSubject("alice")
      .setAudience("session")
      .sign(new TextEncoder().encode(secret));
    const client = connect(hub.url(), {
      token: async () => (await POST(request(`session=${session}`))).text(),
    });
    onTestFinished(() => client.close());
    expect(await client.ready).toMatchObject({ user: "alice" });
    expect(await client.join("lobby")).toMatchObject({ channel: "group:lobby" });
  });
});

describe("docs/PUSH.md", () => {
  it("push.ts pushes to users who are absent", async () => {
    const folder = await saved(readPage("docs/PUSH.md"));
    const program = new Program(process.execPath, [join(folder, "push.ts")], { env: { PORT: "0" } });
    await program.prints("push to bob: alice calls you");
    await program.prints("push to carol: We wrote to you");
  });
});

describe("docs/TESTING-APPLICATIONS.md", () => {
  it("orders.test.ts passes", async () => {
    const folder = await saved(readPage("docs/TESTING-APPLICATIONS.md"));
    const program = new Program(process.execPath, ["--test", join(folder, "orders.test.ts")]);
    await program.ended;
    expect(program.output).toMatch(/pass 2\b/);
    expect(program.output).toMatch(/fail 0\b/);
  });
});

describe("docs/FROM-SOCKET-IO.md", () => {
  it("chat-server.ts sends what is said to everybody in the lobby", async () => {
    const { url } = await start("docs/FROM-SOCKET-IO.md", "chat-server.ts");
    const alice = await connectPeer(`${socketOf(url)}?user_id=alice`);
    const bob = await connectPeer(`${socketOf(url)}?user_id=bob`);
    expect(await alice.request("chat.say", "Hello")).toMatchObject({ data: "ok" });
    expect(await bob.frame("chat")).toMatchObject({ from: "alice", group: "lobby", data: { text: "Hello" } });
  });
});
