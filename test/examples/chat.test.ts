import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { chatDevelopmentAuth, createChat } from "../../src/chat/chat.ts";
import { builtPackage } from "../package/build.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer, type Frame, Peer } from "../support/peer.ts";
import { Program } from "./program.ts";
import { startProxy } from "./proxy.ts";

let directory: string;

beforeAll(async () => {
  directory = await builtPackage();
});

const isChat = (text: string) => (frame: Frame) =>
  frame.type === "chat" && (frame.data as Frame).text === text; // what these examples send

describe("examples/chat-action.ts", () => {
  async function start(): Promise<{ program: Program; socket: (user: string) => string }> {
    const program = new Program(process.execPath, [join(directory, "examples/chat-action.ts")], {
      env: { PORT: "0" },
    });
    const host = await program.prints(/listening on http:\/\/(\S+)/);
    return { program, socket: (user) => `ws://${host}/ws?user_id=${user}` };
  }

  it("lets members of a room speak there by the action", async () => {
    const { program, socket } = await start();
    const alice = await connectPeer(socket("alice"));
    const bob = await connectPeer(socket("bob"));
    await alice.request("group.join", { group: "lobby" });
    await bob.request("group.join", { group: "lobby" });
    const reply = await alice.request("chat.say", { room: "lobby", text: "  Hello  " });
    expect(reply.data).toEqual({ offset: 1 });
    expect(await bob.next(isChat("Hello"))).toMatchObject({ from: "alice", group: "lobby", offset: 1 });
    await program.prints(/alice chat\.say \d+\.\d ms/);
  });

  it("notifies several users with one call, and answers who was reached", async () => {
    const { socket } = await start();
    const alice = await connectPeer(socket("alice"));
    const bob = await connectPeer(socket("bob"));
    const reply = await alice.request("chat.tell", { users: ["bob", "carol"], text: "Hello, both" });
    expect(reply.data).toEqual({ states: ["delivered", "stored"] });
    expect(await bob.next(isChat("Hello, both"))).toMatchObject({ from: "alice", to: "bob", offset: 1 });
    const carol = await connectPeer(socket("carol"));
    expect(await carol.next(isChat("Hello, both"))).toMatchObject({ from: "alice", to: "carol", offset: 1 });
    expect(await alice.request("chat.tell", { users: [], text: "Hi" })).toMatchObject({
      error: { code: "bad_request" },
    });
  });

  it("rejects strangers, texts that are too long, and messages that bypass the action", async () => {
    const { socket } = await start();
    const alice = await connectPeer(socket("alice"));
    const say = (data: Frame): Promise<Frame> => alice.request("chat.say", data);
    expect(await say({ room: "lobby", text: "Hello" })).toMatchObject({ error: { code: "forbidden" } });
    await alice.request("group.join", { group: "lobby" });
    const long = await say({ room: "lobby", text: "x".repeat(501) });
    expect(long).toMatchObject({ error: { code: "bad_request" } });
    alice.send({ id: 1, type: "chat", group: "lobby", data: { text: "Hello" } });
    expect(await alice.next(({ id }) => id === 1)).toMatchObject({ error: { code: "forbidden" } });
  });

  it("denies access to the application's rooms and to other users' messages", async () => {
    const { socket } = await start();
    const alice = await connectPeer(socket("alice"));
    const join = await alice.request("group.join", { group: "_staff" });
    expect(join).toMatchObject({ error: { code: "forbidden" } });
    const read = await alice.request("message.history", { channel: "user:bob" });
    expect(read).toMatchObject({ error: { code: "forbidden" } });
    const own = await alice.request("message.history", {});
    expect(own).toMatchObject({ data: { messages: [] } });
  });

  it("announces new members, and rejects banned users", async () => {
    const { program, socket } = await start();
    const alice = await connectPeer(socket("alice"));
    await connectPeer(socket("bob"));
    await alice.next((frame) => frame.type === "arrived" && (frame.data as Frame).user === "bob");
    const mallory = new Peer(socket("mallory"));
    expect(await mallory.closed).toEqual({ code: 4504, reason: "you are not welcome here" });
    await program.prints("mallory is gone: refused (4504)");
  });
});

describe("examples/robot/robot.ts", () => {
  it("makes its account, follows an invitation, and answers who names it", async () => {
    const { hub, at, url } = await startHub({ auth: chatDevelopmentAuth() });
    const chat = createChat({ hub });
    onTestFinished(() => chat.close());
    const robot = new Program(process.execPath, [join(directory, "examples/robot/robot.ts"), at.url]);
    await robot.prints("the robot is there as robot");
    const alice = await connectPeer(url({ user_id: "alice", platform: "web" }));
    const { data } = await alice.request("chat.create", { name: "friends" });
    const { group } = data as { group: string };
    await alice.request("chat.invite", { group, user: "robot" });
    await eventually("the robot has joined", async () => (await hub.group(group).count()).durable === 2);
    for (const text of ["Good morning", "Robot, hello"]) alice.send({ type: "chat", group, data: { text } });
    expect(await alice.next(isChat("Hello, alice!"))).toMatchObject({ from: "robot", group });
    expect(alice.messages.filter(({ from }) => from === "robot")).toHaveLength(1);
  });
});

describe("examples/robot.ts", () => {
  const start = async (url: string): Promise<Program> => {
    const robot = new Program(process.execPath, [join(directory, "examples/robot.ts"), url]);
    await robot.prints("in lobby");
    return robot;
  };

  it("echoes private messages", async () => {
    const { url } = await startHub();
    await start(url());
    const alice = await connectPeer(url({ user_id: "alice" }));
    alice.send({ type: "chat", to: "robot", data: { text: "ping" } });
    expect(await alice.next(isChat("pong"))).toMatchObject({ from: "robot", to: "alice" });
    alice.send({ type: "chat", to: "robot", data: { text: "How are you?" } });
    await alice.next(isChat("You said: How are you?"));
  });

  it("answers in its group only when it is addressed", async () => {
    const { url } = await startHub();
    await start(url());
    const alice = await connectPeer(url({ user_id: "alice" }));
    await alice.request("group.join", { group: "lobby" });
    for (const text of ["Hello, everybody", "Hello, robot"]) {
      alice.send({ type: "chat", group: "lobby", data: { text } });
    }
    await alice.next(isChat("Hello!"));
    const answers = alice.frames.filter(({ from, type }) => type === "chat" && from === "robot");
    expect(answers).toHaveLength(1);
  });

  it("ignores messages of another shape", async () => {
    const { url } = await startHub();
    const robot = await start(url());
    const alice = await connectPeer(url({ user_id: "alice" }));
    for (const data of [null, 1, { text: 1 }, {}]) alice.send({ type: "chat", to: "robot", data });
    alice.send({ type: "chat", to: "robot", data: { text: "ping" } });
    await alice.next(isChat("pong"));
    expect(robot.output).not.toContain("TypeError");
  });

  it("answers messages sent during a network failure later", async () => {
    const { url, at } = await startHub();
    const proxy = await startProxy(at.port);
    const robot = await start(`ws://127.0.0.1:${proxy.port}/ws`);
    const alice = await connectPeer(url({ user_id: "alice" }));
    await alice.request("group.join", { group: "lobby" });
    proxy.breakDown();
    await robot.prints("closed: 1006");
    alice.send({ type: "chat", to: "robot", data: { text: "ping" } });
    alice.send({ type: "chat", group: "lobby", data: { text: "Hi, robot" } });
    proxy.mend();
    await alice.next(isChat("pong"));
    await alice.next(isChat("Hello!"));
  });

  it("ends at SIGTERM", async () => {
    const { url } = await startHub();
    const robot = await start(url());
    robot.terminate();
    expect(await robot.ended).toBe(0);
  });
});
