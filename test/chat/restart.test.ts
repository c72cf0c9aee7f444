import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Chat, createChat, setServerAdmin } from "../../src/chat/chat.ts";
import { noteChanges } from "../../src/chat/core.ts";
import { Database } from "../../src/chat/database/database.ts";
import { Following } from "../../src/chat/following.ts";
import { settingsOf } from "../../src/chat/options.ts";
import { createHub, type Hub, TidingsError } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { callWith, SECRET, startScene, temporaryDirectory } from "./scene.ts";

interface Server {
  readonly hub: Hub<Record<string, unknown>>;
  readonly chat: Chat;
  ok(user: string, operation: string, body?: object): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** A server that a test starts and ends several times over one directory. */
async function serverIn(data: string | false, database?: string): Promise<Server> {
  const hub = createHub({
    data,
    jwt: { secret: SECRET },
    logLevel: "silent",
    shutdown: { reconnectSpreadMs: 0 },
  });
  const chat = createChat({ hub, database });
  await chat.ready;
  const { url } = await hub.listen({ port: 0, host: "127.0.0.1" });
  return {
    hub,
    chat,
    async ok(user, operation, body = {}) {
      const { status, body: reply } = await callWith(url, await hub.token({ user }), operation, body);
      expect([operation, status, reply]).toMatchObject([operation, 200, {}]);
      return reply;
    },
    async close() {
      await hub.close();
      await chat.close();
    },
  };
}

describe("a restart of a chat", () => {
  it("keeps accounts, groups, messages, unread counts and logins", async () => {
    const directory = temporaryDirectory();
    const first = await serverIn(directory);
    const { group } = await first.ok("alice", "create", { name: "friends", open: true });
    await first.ok("bob", "join", { group });
    for (const text of ["one", "two", "three"]) await first.ok("alice", "send", { group, text });
    await first.ok("bob", "read", { group, offset: 1 });
    await first.close();
    const second = await serverIn(directory);
    const { groups } = await second.ok("bob", "groups");
    expect(groups).toMatchObject([{ group, name: "friends", unread: 2, last: { data: { text: "three" } } }]);
    expect(await second.ok("alice", "groups")).toMatchObject({ groups: [{ unread: 0 }] });
    await second.close();
  });

  it("repairs groups of a hub that has lost them, and takes members out who are not in the tables", async () => {
    const database = `sqlite:${join(temporaryDirectory(), "chat.db")}`;
    const first = await serverIn(false, database);
    const { group } = await first.ok("alice", "create", { name: "friends", open: true });
    await first.ok("bob", "join", { group });
    await first.close();
    // The memory of the hub is gone.
    const second = await serverIn(false, database);
    await second.chat.repaired;
    const membersOf = async ({ hub }: Server): Promise<string[]> =>
      (await hub.group(String(group)).members()).members.map(({ user }) => user).sort();
    expect(await membersOf(second)).toEqual(["alice", "bob"]);
    await second.hub.group(String(group)).add("mallory");
    const mallory = await second.hub.token({ user: "mallory" });
    const { connect } = await import("../../src/client/client.ts");
    const { port } = await second.hub.listen({ port: 0, host: "127.0.0.1" });
    const client = connect(`ws://127.0.0.1:${port}/ws`, { token: () => mallory });
    await client.ready;
    expect(await membersOf(second)).toEqual(["alice", "bob"]);
    await client.close();
    await second.close();
  });

  it("tries again until the hub has followed a change", async () => {
    const { hub, database: target, nodes } = await startScene();
    await nodes[0]?.chat.repaired;
    const database = new Database(target);
    onTestFinished(() => database.close());
    let failures = 2;
    const failing = new Proxy(hub, {
      get: (inner, name) =>
        name === "batch" && failures-- > 0
          ? () => Promise.reject(new TidingsError("unavailable", "no backplane"))
          : (Reflect.get(inner, name).bind?.(inner) ?? Reflect.get(inner, name)),
    });
    const following = new Following({
      hub: failing,
      database,
      settings: settingsOf({ hub, report: () => undefined }),
    });
    const change = { group: "chat:x", user: "bob" };
    await hub.group(change.group).add(change.user); // the tables say otherwise
    await database.change((queries) => noteChanges(queries, [change]));
    await expect(following.apply([change])).rejects.toMatchObject({ code: "unavailable" });
    await eventually("the hub follows", async () => (await hub.user("bob").groups()).length === 0);
    following.close();
  });

  it("refuses tables of a newer release, and a file that is no database, and changes neither", async () => {
    const path = join(temporaryDirectory(), "chat.db");
    const scene = await startScene({ database: `sqlite:${path}` });
    await scene.nodes[0]?.chat.close();
    const database = new DatabaseSync(path);
    database.exec("INSERT INTO chat_version VALUES (99)");
    database.close();
    const hub = createHub({ jwt: { secret: SECRET }, logLevel: "silent" });
    const chat = createChat({ hub, database: `sqlite:${path}`, report: () => undefined });
    await expect(chat.ready).rejects.toMatchObject({
      code: "conflict",
      message: "chat.database: its tables have version 99, and this release knows 1: run the newer release",
    });
    await chat.close();
    const broken = join(temporaryDirectory(), "broken.db");
    writeFileSync(broken, "this is no database, but a text that is longer than a header of one. ".repeat(9));
    expect(() =>
      createChat({ hub: createHub({ logLevel: "silent" }), database: `sqlite:${broken}` }),
    ).toThrow(/^chat.database: cannot open .*broken\.db: file is not a database$/);
    await hub.close();
  });
});

describe("a server administrator", () => {
  it("manages every group, and announces to everyone", async () => {
    const scene = await startScene();
    const { group } = await scene.ok("alice", "create", { name: "closed" });
    await scene.users("root", "bob");
    await expect(setServerAdmin(scene.database, "nobody", true)).rejects.toMatchObject({ code: "not_found" });
    await setServerAdmin(scene.database, "root", true);
    await scene.ok("root", "edit", { group, announce: "everyone", open: true });
    const root = await scene.peer("root");
    await scene.ok("bob", "join", { group });
    expect(await root.frame("chat.joined")).toMatchObject({ data: { group, users: ["bob"], count: 1 } });
    await scene.ok("root", "remove", { group, user: "bob" });
    await setServerAdmin(scene.database, "root", false);
    expect(await scene.code("root", "deleteGroup", { group })).toBe("not_found");
  });
});

describe("bad options", () => {
  it("are refused with what was expected", () => {
    const hub = createHub({ logLevel: "silent" });
    expect(() => createChat({ hub, database: "mysql://x" })).toThrow(
      "database: expected sqlite:<file>, or postgres:",
    );
    expect(() => createChat({ hub, limits: { failedLogins: 0 } })).toThrow(
      "limits.failedLogins: expected a whole number",
    );
    expect(() => createHub({ chat: true })).toThrow(
      'chat: in code write createChat({ hub }), from "tidings/chat"',
    );
    return hub.close();
  });
});
