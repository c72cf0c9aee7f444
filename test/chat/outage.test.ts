import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { createChat } from "../../src/chat/chat.ts";
import { noteChanges } from "../../src/chat/core.ts";
import { Database } from "../../src/chat/database/database.ts";
import { Following } from "../../src/chat/following.ts";
import { settingsOf } from "../../src/chat/options.ts";
import { createHub } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer, type Frame, joined, Peer } from "../support/peer.ts";
import { PostgresServer } from "../support/postgres/postgres.ts";
import { UNLIMITED } from "../support/unlimited.ts";
import { callWith, SECRET, startScene } from "./scene.ts";
import { texts } from "./suite/start.ts";

/** Requests that follow each other until they are told to end. */
function load(request: (number: number) => Promise<Frame>) {
  const replies: Frame[] = [];
  let isOver = false;
  const ended = (async () => {
    while (!isOver) replies.push(await request(replies.length));
  })();
  return {
    replies,
    async end(): Promise<void> {
      isOver = true;
      await ended;
    },
  };
}

const codeOf = ({ error }: Frame): unknown => (error as { code?: string } | undefined)?.code;

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await PostgresServer.start();
});
afterAll(() => postgres[Symbol.asyncDispose]());

it("a chat waits for a PostgreSQL that starts later, and fails for good where no attempt can succeed", async () => {
  const database = await postgres.database("later");
  await postgres.stop();
  const running = await startHub({ jwt: { secret: SECRET } });
  const reports: string[] = [];
  const report = (stage: string, error: unknown): void => void reports.push(`${stage}: ${error}`);
  const chat = createChat({ hub: running.hub, database, report });
  onTestFinished(() => chat.close());
  const token = await running.hub.token({ user: "alice" });
  const ask = () => callWith(running.at.url, token, "groups", {});
  expect((await ask()).status).toBe(503);
  expect(await new Peer(running.url({ token })).closed).toMatchObject({ code: 4004 });
  expect(reports).toEqual([expect.stringMatching(/^database: Error: connect ECONNREFUSED 127/)]);
  await postgres.restart();
  await chat.ready;
  expect((await ask()).status).toBe(200);

  const wrong = [
    [database.replace("correct-horse-battery", "wrong"), 'password authentication failed for user "***"'],
    [database.replace(/later$/, "none"), 'database "none" does not exist'],
  ] as const;
  for (const [target, reason] of wrong) {
    const hub = createHub({ jwt: { secret: SECRET }, logLevel: "silent" });
    const refused = createChat({ hub, database: target, report: () => undefined });
    const message = `chat.database: ${reason}`;
    await expect(refused.ready).rejects.toMatchObject({ code: "unavailable", message });
    await refused.close();
    await hub.close();
  }
});

describe("a chat whose PostgreSQL is stopped under load", () => {
  it("fails its calls, lets the rest of the hub go on, and works again without a restart", async () => {
    const reports: unknown[] = [];
    const scene = await startScene({
      database: await postgres.database("load"),
      hub: { ...UNLIMITED, policy: { join: "anyone" } },
      chat: { report: (stage, error) => reports.push(`${stage}: ${error}`) },
    });
    const group = await scene.group("alice", "bob");
    const [alice, bob] = [await scene.peer("alice"), await scene.peer("bob")];
    const [carol, dave] = [await joined(await scene.peer("carol"), "plain"), await scene.peer("dave")];
    await joined(dave, "plain");
    const chat = load((number) => alice.request("chat.send", { group, text: `n${number}` }));
    const direct = load((number) =>
      alice.request("message.send", { group, type: "chat", data: { text: `d${number}` } }),
    );
    const http = load(async () => (await scene.call("bob", "groups")).body);
    const plain = load((data) => carol.request("message.send", { group: "plain", type: "plain", data }));
    const loads = [chat, direct, http, plain];
    const grows = async (what: string, { replies }: typeof chat, by = 50): Promise<void> => {
      const enough = replies.length + by;
      await eventually(what, () => replies.length >= enough);
    };
    await Promise.all(loads.map((each) => grows("all are answered", each)));

    await postgres.stop();
    const refused = ({ replies }: typeof chat) =>
      replies.filter((reply) => codeOf(reply) === "unavailable").length;
    for (const each of [chat, direct, http])
      await eventually("calls of the chat fail", () => refused(each) >= 20);
    await grows("the rest goes on", plain, 200);
    const { status, body } = await scene.call("alice", "send", { group, text: "no" });
    expect([status, body.error]).toEqual([
      503,
      {
        code: "unavailable",
        message: "the chat's database does not answer now: try again",
        requestId: expect.any(String),
      },
    ]);
    const login = async (): Promise<string> =>
      scene.running.url({ token: await scene.hub.token({ user: "eve" }) });
    expect(await new Peer(await login()).closed).toMatchObject({ code: 4004 }); // the SDK comes again
    expect(reports).toEqual([expect.stringMatching(/^database: /)]);

    await postgres.restart();
    const served = ({ replies }: typeof chat) => {
      const before = replies.length;
      return () => replies.slice(before).filter((reply) => codeOf(reply) === undefined).length >= 20;
    };
    for (const each of [chat, direct, http]) await eventually("calls of the chat succeed", served(each));
    for (const each of loads) await each.end();
    expect(plain.replies.map(codeOf).filter(Boolean)).toEqual([]);
    expect(new Set([...chat.replies, ...direct.replies, ...http.replies].map(codeOf))).toEqual(
      new Set([undefined, "unavailable"]),
    );
    const sent = (prefix: string, { replies }: typeof chat): string[] =>
      replies.flatMap((reply, number) => (codeOf(reply) === undefined ? [`${prefix}${number}`] : []));
    await bob.caughtUp();
    const received = (prefix: string): unknown[] =>
      texts(bob).filter((text) => String(text).startsWith(prefix));
    expect(received("n")).toEqual(sent("n", chat));
    expect(received("d")).toEqual(sent("d", direct));
    await dave.caughtUp();
    expect(dave.messages.filter(({ type }) => type === "plain")).toHaveLength(plain.replies.length);
    await eventually("one's own messages are read", async () => {
      const { groups } = await scene.ok("alice", "groups");
      return groups[0].unread === 0;
    });
    await connectPeer(await login());
  });

  it("lets the hub follow a change of members that was committed just before", async () => {
    const reports: unknown[] = [];
    const scene = await startScene({ database: await postgres.database("follow") });
    await scene.nodes[0]?.chat.repaired;
    const database = new Database(scene.database);
    onTestFinished(() => database.close());
    await database.ready;
    const settings = settingsOf({ hub: scene.hub, report: (stage) => reports.push(stage) });
    const following = new Following({ hub: scene.hub, database, settings });
    const change = { group: "chat:x", user: "bob" };
    await scene.hub.group(change.group).add(change.user); // the tables say otherwise
    await database.change((queries) => noteChanges(queries, [change]));
    await postgres.stop();
    let attempts = 0;
    const guarded = database.guarded.bind(database);
    database.guarded = (work) => {
      attempts++;
      return guarded(work);
    };
    await expect(following.apply([change])).rejects.toMatchObject({ code: "unavailable" });
    await eventually("it has failed twice more", () => attempts > 2);
    expect(await scene.hub.user("bob").groups()).toEqual(["chat:x"]);
    await postgres.restart();
    await eventually("the hub follows", async () => (await scene.hub.user("bob").groups()).length === 0);
    expect(reports).toEqual([]);
    following.close();
  });
});
