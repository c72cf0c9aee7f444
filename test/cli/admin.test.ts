import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Peer } from "../support/peer.ts";
import { end, type Outcome, type Served, serve, tidings } from "./run.ts";

const API_KEY = "an API key of the tests";
/** Further keys of the server. */
const API_KEYS = "publish:a key that may publish,read:a key that may read";

let server: Served;
beforeAll(async () => {
  server = await serve(["--node-id", "n1"], { API_KEY, API_KEYS });
});
afterAll(() => end(server));

const peers: Peer[] = [];
afterEach(() => {
  for (const peer of peers.splice(0)) peer.end();
});

async function connect(user: string, platform = "web"): Promise<Peer> {
  const peer = await Peer.connect(`${server.socketUrl}?user_id=${user}&platform=${platform}`);
  peers.push(peer);
  return peer;
}

/** Runs an administrative command against the server. */
const ask = (...args: string[]): Promise<Outcome> => tidings(args, { TIDINGS_URL: server.url, API_KEY });

/** Runs an administrative command with `--json` and parses its output. */
async function askJson(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await ask(...args, "--json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

describe("tidings top", () => {
  it("prints a snapshot where there is no terminal, with escaped names", async () => {
    const peer = await connect("watched");
    await peer.request("group.join", { group: "a\u202eb" });
    await ask("send", "--group", "a\u202eb", "--type", "chat", "--data", "1");

    const { code, stdout } = await ask("top");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^tidings top {2}1 node, .*\nNODE .*\nn1 +ok +1 /);
    expect(stdout).toContain("\na\\u{202e}b ");
    expect(await askJson("top")).toMatchObject({
      nodes: [{ node: "n1" }],
      groups: [{ messages: expect.any(Number) }],
    });
    expect(await tidings(["top"], { TIDINGS_URL: server.url, API_KEY: "a key that may read" })).toMatchObject(
      {
        code: 1,
        stderr: "error: expected an API key of the scope admin: this key has the scope read\n",
      },
    );
  });
});

describe("tidings send", () => {
  it("sends to a user and prints the receipt", async () => {
    const bob = await connect("bob-1");
    const { code, stdout } = await ask("send", "--to", "bob-1", "--type", "chat", "--data", '{"text":"hi"}');
    expect(await bob.frame("chat")).toMatchObject({ data: { text: "hi" }, to: "bob-1", offset: 1 });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^delivered \(id \S+, offset 1, connections 1\)\n$/);
  });

  it("stores a message for a user who is offline", async () => {
    const receipt = await askJson("send", "--to", "away", "--type", "chat", "--data", "1");
    expect(receipt).toMatchObject({ state: "stored", offset: 1 });
  });

  it("does not store an ephemeral message", async () => {
    const receipt = await askJson("send", "--to", "away-2", "--type", "typing", "--ephemeral");
    expect(receipt).toMatchObject({ state: "offline" });
    expect(receipt).not.toHaveProperty("offset");
  });

  it("sends a message once per idempotency key", async () => {
    const args = ["send", "--group", "g1", "--type", "chat", "--data", "1", "--key", "k1"];
    const first = await askJson(...args);
    expect(await askJson(...args)).toEqual({ ...(first as object), duplicate: true }); // a receipt is an object
    expect((await ask(...args)).stdout).toContain("duplicate");
  });

  it("requires exactly one receiver, and data in JSON", async () => {
    const outcomes = await Promise.all([
      ask("send", "--type", "chat"),
      ask("send", "--type", "chat", "--to", "a", "--group", "b"),
      ask("send", "--type", "chat", "--to", "a", "--data", "hi"),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([1, 1, 1]);
    expect(outcomes[0]?.stderr).toContain("expected --to <user> or --group <id>");
    expect(outcomes[1]?.stderr).toContain("cannot be used with");
    expect(outcomes[2]?.stderr).toContain("Expected JSON");
  });
});

describe("tidings broadcast", () => {
  it("sends to everyone", async () => {
    const both = [await connect("carol"), await connect("dave")];
    const receipt = await askJson("broadcast", "--type", "news", "--data", '"hello"');
    for (const peer of both) expect(await peer.frame("news")).toMatchObject({ data: "hello" });
    expect(receipt).toMatchObject({ state: "delivered" });
  });
});

describe("tidings batch", () => {
  it("runs the operations of a file, and tells which failed", async () => {
    const file = join(mkdtempSync(join(tmpdir(), "tidings-batch-")), "operations.json");
    const operations = [{ op: "send", to: "bob-9", type: "chat", data: 1 }, { op: "nonsense" }];
    writeFileSync(file, JSON.stringify(operations));
    const bob = await connect("bob-9");
    const { code, stdout } = await ask("batch", file);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^operation 2: bad_request: .*\n1 of 2 operations done\n$/);
    expect(await bob.frame("chat")).toMatchObject({ data: 1 });
    expect((await ask("batch", "/nowhere")).stderr).toContain("expected a file that can be read");
  });
});

describe("tidings block", () => {
  it("disconnects a user and refuses logins until tidings unblock", async () => {
    const peer = await connect("blocked");
    const { code, stdout } = await ask("block", "blocked", "--for", "1h", "--reason", "spam");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "blocked is blocked; 1 connection closed\n" });
    expect(await peer.closed).toEqual({ code: 4506, reason: "spam" });
    expect((await new Peer(`${server.socketUrl}?user_id=blocked`).closed).code).toBe(4506);
    expect((await ask("blocks")).stdout).toMatch(/^USER +UNTIL\nblocked +\d{4}-\d\d-\d\dT[\d:.]+Z\n$/);
    expect(await ask("unblock", "blocked")).toMatchObject({ code: 0, stdout: "blocked may log in again\n" });
    expect(await ask("blocks")).toMatchObject({ code: 0, stdout: "nobody is blocked\n" });
    await connect("blocked");
  });

  it("is listed by tidings blocks, page by page", async () => {
    const users = ["eve", "mallory", "trudy"];
    for (const user of users) await ask("block", user, "--for", "1h");
    interface Page {
      readonly users: readonly { readonly user: string }[];
      readonly cursor?: string;
    }
    const first = (await askJson("blocks", "--limit", "2")) as Page; // as the OpenAPI document says
    expect(first.users).toHaveLength(2);
    expect((await ask("blocks", "--limit", "2")).stdout).toContain(`next page: --cursor ${first.cursor}`);
    const rest = (await askJson("blocks", "--cursor", first.cursor ?? "")) as Page;
    expect([...first.users, ...rest.users].map(({ user }) => user)).toEqual(users);
    expect(rest.cursor).toBeUndefined();
    expect((await ask("blocks", "--cursor", "x")).stderr).toContain("cursor: expected the one");
    for (const user of users) await ask("unblock", user);
  });

  it("needs a duration", async () => {
    expect((await ask("block", "blocked")).stderr).toContain("--for <duration>");
    expect((await ask("block", "blocked", "--for", "never")).stderr).toContain("such as 90s, 15m, 1h or 7d");
  });
});

describe("tidings refresh", () => {
  it("asks for a user's rights again", async () => {
    await connect("fresh");
    expect(await askJson("refresh", "fresh")).toEqual({ connections: 1, unconfirmed: 0 });
    const { stdout } = await ask("refresh", "fresh");
    expect(stdout).toBe("the rights of 1 connection of fresh were asked again\n");
  });
});

describe("tidings kick", () => {
  it("closes all connections of a user and prints their number", async () => {
    const both = [await connect("eve", "web"), await connect("eve", "ios")];
    const { code, stdout } = await ask("kick", "eve", "--reason", "that will do");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "2 connections of eve closed\n" });
    for (const peer of both) {
      expect(await peer.frame("notice")).toMatchObject({ code: "kicked", message: "that will do" });
      expect((await peer.closed).code).toBe(4501);
    }
  });

  it("closes only the connections of --platform", async () => {
    const phone = await connect("frank/1", "ios");
    const tab = await connect("frank/1", "web");
    expect(await askJson("kick", "frank/1", "--platform", "web")).toEqual({ connections: 1, unconfirmed: 0 });
    expect((await tab.closed).code).toBe(4501);
    await ask("send", "--to", "frank/1", "--type", "chat");
    expect(await phone.frame("chat")).toMatchObject({ data: null });
  });
});

describe("tidings users", () => {
  it("lists the users who are online, page by page", async () => {
    await connect("grace", "web");
    await connect("grace", "ios");
    await connect("heidi", "web");
    const { stdout } = await ask("users");
    expect(stdout).toMatch(/^USER +CONNECTIONS +PLATFORMS$/m);
    expect(stdout).toMatch(/^grace +2 +(web, ios|ios, web)$/m);
    expect(stdout).toMatch(/^heidi +1 +web$/m);
    expect(stdout).toMatch(/^\d+ of \d+ online$/m);

    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const args = cursor === undefined ? [] : ["--cursor", cursor];
      const page = (await askJson("users", "--limit", "2", ...args)) as Page; // as the OpenAPI document says
      seen.push(...page.users.map(({ user }) => user));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(["grace", "heidi"]));
  });

  it("lists the connections of one user", async () => {
    await connect("ivan", "web");
    const reply = await askJson("users", "ivan");
    expect(reply).toEqual({
      connections: [
        {
          id: expect.any(String),
          platform: "web",
          device: "web",
          node: "n1",
          connectedAt: expect.any(Number),
        },
      ],
    });
    expect((await ask("users", "ivan")).stdout).toMatch(
      /^ID +PLATFORM +DEVICE +NODE +SINCE\n\S+ +web +web +n1 +\d{4}-/,
    );
    expect((await ask("users", "nobody")).stdout).toBe("nobody is offline\n");
  });
});

interface Page {
  users: { user: string }[];
  cursor?: string;
}

describe("tidings nodes", () => {
  it("lists the nodes", async () => {
    const port = Number(new URL(server.url).port);
    const nodes = await askJson("nodes");
    expect(nodes).toMatchObject([{ id: "n1", ip_address: "127.0.0.1", port, status: "active" }]);
    expect((await ask("nodes")).stdout).toMatch(
      new RegExp(
        `^NODE +ADDRESS +STATUS +CONNECTIONS +AGE\nn1 +127\\.0\\.0\\.1:${port} +active +\\d+ +0\\.0 s\n$`,
      ),
    );
  });
});

describe("errors", () => {
  it("reports a missing or wrong API key without printing it", async () => {
    const without = await tidings(["users"], { TIDINGS_URL: server.url });
    expect(without.code).toBe(1);
    expect(without.stderr).toContain("(pass --api-key, or set API_KEY)");
    const wrong = await tidings(["users", "--url", server.url, "--api-key", "hunter2"]);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toBe("error: the API key is not valid\n");
  });

  it("takes the key of the scope that it needs from API_KEYS", async () => {
    const env = { TIDINGS_URL: server.url, API_KEYS };
    expect(await tidings(["nodes"], env)).toMatchObject({ code: 0, stderr: "" });
    expect(await tidings(["send", "--to", "away-9", "--type", "chat"], env)).toMatchObject({ code: 0 });
    const kick = await tidings(["kick", "bob"], { ...env, API_KEY: "a key that may read" });
    expect(kick).toMatchObject({ code: 1 });
    expect(kick.stderr).toContain("expected an API key of the scope admin: this key has the scope read");
  });

  it("prints the server's error", async () => {
    const { code, stderr } = await ask("send", "--to", "bob", "--type", "pong", "--json");
    expect(code).toBe(1);
    const { error } = JSON.parse(stderr);
    expect(error.code).toBe("bad_request");
    expect(error.message).toContain("pong");
  });

  it("reports a server that does not run", async () => {
    const stopped = createServer();
    const url = await listen(stopped);
    await new Promise((resolve) => stopped.close(resolve));
    const { code, stderr } = await tidings(["nodes", "--url", url]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: no reply from ${url}: connection refused. Is the server running? (tidings serve)\n`,
    );
  });

  it("reports a server that is not a Tidings server", async () => {
    const other = createServer((request, response) => {
      response.writeHead(request.url === "/nodes" ? 200 : 502, { "content-type": "text/html" });
      response.end("<h1>Hello</h1>");
    });
    const url = await listen(other);
    const [odd, bad] = await Promise.all([
      tidings(["nodes", "--url", url]),
      tidings(["users", "--url", `${url}/`]),
    ]);
    other.close();
    expect(odd).toMatchObject({
      code: 1,
      stderr: `error: ${url} sent a reply of an unknown shape: is it a Tidings server of this version?\n`,
    });
    expect(bad.stderr).toContain("replied with HTTP 502: is it a Tidings server?");
  });

  it("takes the API key to no other address, whatever the server says", async () => {
    const keys: unknown[] = [];
    const other = createServer(({ headers }, response) => {
      keys.push(headers["x-api-key"]);
      response.end("{}");
    });
    const elsewhere = await listen(other);
    const first = createServer((_request, response) =>
      response.writeHead(307, { location: `${elsewhere}/nodes` }).end(),
    );
    const url = await listen(first);
    const env = { TIDINGS_URL: url, API_KEY };
    const outcomes = await Promise.all([tidings(["nodes"], env), tidings(["kick", "bob"], env)]);
    for (const server of [first, other]) server.close();
    for (const { code, stderr } of outcomes)
      expect([code, stderr]).toEqual([1, expect.stringContaining(`${url} redirects to another address`)]);
    expect(keys).toEqual([]);
  });
});

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  return `http://127.0.0.1:${port}`;
}

describe("tidings limits", () => {
  it("shows the limits, changes them on all nodes, and ends the changes", async () => {
    const changes = { messagesPerUser: "90-S", http: { rate: "7000-M" } };
    expect(await askJson("limits", JSON.stringify(changes))).toMatchObject({ limits: changes, changes });
    const { stdout } = await ask("limits");
    expect(stdout).toMatch(/^messagesPerUser +90-S +changed$/m);
    expect(stdout).toMatch(/^http\.rate +7000-M +changed$/m);
    expect(stdout).toMatch(/^messagesPerConnection +60000-M *$/m);
    expect(stdout).toMatch(/^actionsPerUser +\{"group\.members":"6000-M"/m);
    expect(await askJson("limits", "{}")).toMatchObject({
      limits: { messagesPerUser: "120000-M" },
      changes: {},
    });
  });

  it("says what was expected of wrong changes", async () => {
    const refused = await ask("limits", '{"messagesPerUser":"fast"}');
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining("expected a rate such as 200-M"),
    ]);
    const noJson = await ask("limits", "fast");
    expect([noJson.code, noJson.stderr]).toEqual([1, expect.stringContaining("Expected a JSON object")]);
  });
});

describe("tidings drain", () => {
  it("sends the clients of a node away, and is told of a node that there is not", async () => {
    const node = await serve(["--node-id", "drained"], { API_KEY });
    try {
      const peer = await Peer.connect(`${node.socketUrl}?user_id=alice`);
      const drain = (name: string): Promise<Outcome> =>
        tidings(["drain", name], { TIDINGS_URL: node.url, API_KEY });
      expect(await drain("nowhere")).toMatchObject({ code: 1, stderr: expect.stringContaining("nowhere") });
      expect(await drain("drained")).toMatchObject({
        code: 0,
        stdout: "drained drains: 1 client was told to reconnect\n",
      });
      expect(await peer.closed).toMatchObject({ code: 4000 });
      expect((await fetch(`${node.url}/ready`)).status).toBe(503);
    } finally {
      await end(node);
    }
  });
});
