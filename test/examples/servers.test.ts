import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { builtPackage } from "../package/build.ts";
import { connectPeer, type Frame } from "../support/peer.ts";
import { REPOSITORY } from "../support/repository.ts";
import { Program } from "./program.ts";

let directory: string;

beforeAll(async () => {
  directory = await builtPackage();
});

interface Running {
  readonly program: Program;
  readonly url: string;
  socket(user: string): string;
}

/** Runs an example with the built package, on a free port. */
async function start(example: string): Promise<Running> {
  const file = join(directory, "examples", example);
  const program = new Program(process.execPath, [file], { env: { PORT: "0" } });
  const port = await program.prints(/port: (\d+)/);
  const url = `http://127.0.0.1:${port}`;
  return { program, url, socket: (user) => `ws://127.0.0.1:${port}/ws?user_id=${user}` };
}

async function post(url: string, body: unknown): Promise<{ status: number; body: Frame }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

const ofType = (type: string) => (frame: Frame) => frame.type === type;

describe("examples/declared", () => {
  it("has two ends that talk as declared, and refuses what is not", async () => {
    const { socket } = await start("declared/server.ts");
    const client = new Program(process.execPath, [join(directory, "examples/declared/client.ts")], {
      env: { HUB_URL: socket("alice").replace(/\?.*/, "") },
    });
    await client.prints("order 7: delivered");
    expect(await client.ended).toBe(0);
    expect(client.output).toContain("order 7 is on its way\n");
    const bob = await connectPeer(socket("bob"));
    const { error } = await bob.request("order.ship", { order: "7", buyer: "alice" });
    expect(error).toMatchObject({ code: "bad_request", message: expect.stringMatching(/^order: /) });
  });
});

describe("examples/embed.ts and examples/client.ts", () => {
  it("are the examples of the README", () => {
    const readme = readFileSync(join(REPOSITORY, "README.md"), "utf8");
    for (const name of ["embed", "client"]) {
      const text = readFileSync(join(REPOSITORY, `examples/${name}.ts`), "utf8");
      expect(readme).toContain(`\`\`\`ts\n${text}\`\`\``);
    }
  });

  it("serve pages and WebSockets, and deliver the messages of an action", async () => {
    const { url, socket } = await start("embed.ts");
    expect(await (await fetch(url)).text()).toContain("the pages of the application");
    const bob = await connectPeer(socket("bob"));
    const alice = await connectPeer(socket("alice"));
    await bob.next((frame) => frame.type === "joined" && (frame.data as Frame).user === "alice");
    bob.send({ id: 1, action: "order.ship", data: { order: 7, buyer: "alice" } });
    const shipped = await alice.next(ofType("shipped"));
    expect(shipped).toMatchObject({ data: { order: 7 }, to: "alice", offset: 1 });
    alice.send({ id: 1, action: "message.ack", data: { offset: 1 } });
    const reply = await bob.next(({ id }) => id === 1);
    expect(reply).toMatchObject({ data: { state: "acked", offset: 1 } });
  });

  it("reject data that the schema does not allow", async () => {
    const { socket } = await start("embed.ts");
    const bob = await connectPeer(socket("bob"));
    const reply = await bob.request("order.ship", { order: "seven", buyer: "alice" });
    expect(reply).toMatchObject({ error: { code: "bad_request" } });
  });

  it("talk to each other", async () => {
    const { url, socket } = await start("embed.ts");
    const text = readFileSync(join(directory, "examples/client.ts"), "utf8");
    const file = join(directory, `examples/client-${process.pid}.ts`);
    writeFileSync(file, text.replace("127.0.0.1:3000", new URL(url).host));
    onTestFinished(() => rmSync(file));
    const client = new Program(process.execPath, [file]);
    await client.prints("order 7 is on its way (1)");
    await client.prints("state: 'acked'");
    await connectPeer(socket("bob"));
    await client.prints("bob is here");
  });
});

describe("examples/tracing.ts", () => {
  it("prints the spans of a request and of the message that it sends", async () => {
    const { program, socket } = await start("tracing.ts");
    const alice = await connectPeer(socket("alice"));
    await alice.request("greet.everyone");
    for (const name of ["greet.everyone", "publish all", "append all", "deliver all"])
      await program.prints(`name: '${name}'`);
  });

  it("is the example of docs/TRACING.md", () => {
    const text = readFileSync(join(REPOSITORY, "examples/tracing.ts"), "utf8");
    expect(readFileSync(join(REPOSITORY, "docs/TRACING.md"), "utf8")).toContain(`\`\`\`ts\n${text}\`\`\``);
  });
});

describe.each(["express.ts", "fastify.ts", "hono.ts"])("examples/%s", (example) => {
  it("delivers the messages of a route of the application", async () => {
    const { url, socket } = await start(example);
    const alice = await connectPeer(socket("alice"));
    const { status, body } = await post(`${url}/greet/alice`, { text: "Hello" });
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: "delivered", connections: 1 });
    expect(await alice.next(ofType("greeting"))).toMatchObject({ data: { text: "Hello" }, to: "alice" });
  });

  it("has the HTTP API of the hub under /realtime", async () => {
    const { url, socket } = await start(example);
    const alice = await connectPeer(socket("alice"));
    const sent = await post(`${url}/realtime/ws/message`, { to: "alice", type: "greeting", data: "Hi" });
    expect(sent.status).toBe(200);
    await alice.next(ofType("greeting"));
    const form = new URLSearchParams({ uid: "alice", message: "Hey" });
    expect((await fetch(`${url}/realtime/send`, { method: "POST", body: form })).status).toBe(200);
    expect(await alice.next(ofType("message"))).toMatchObject({ data: "Hey" });
    const history = await fetch(`${url}/realtime/history?channel=user:alice`);
    expect(await history.json()).toMatchObject({ messages: [{ data: "Hi" }, { data: "Hey" }], more: false });
  });

  it("leaves every other path to the application", async () => {
    const { url } = await start(example);
    expect((await fetch(`${url}/stats`)).status).toBe(404);
    expect((await fetch(`${url}/realtime/stats`)).status).toBe(200);
  });

  it("answers 400 to an invalid user id", async () => {
    const { url } = await start(example);
    const response = await fetch(`${url}/greet/%00`, { method: "POST" });
    expect(response.status).toBe(400);
  });

  it("tells clients to reconnect, and ends, at SIGTERM", async () => {
    const { program, socket } = await start(example);
    const alice = await connectPeer(socket("alice"));
    program.terminate();
    expect(await alice.frame("notice")).toMatchObject({ code: "drain" });
    expect(await alice.closed).toMatchObject({ code: 4000 });
    expect(await program.ended).toBe(0);
  });
});
