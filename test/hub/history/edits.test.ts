import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { connect } from "../../../src/client/client.ts";
import { createHub, defineApi, type HubOptions, type Receipt, refuse } from "../../../src/index.ts";
import { Observed, QUICK } from "../../client/harness.ts";
import { eventually } from "../../support/eventually.ts";
import { startHub } from "../../support/hub.ts";
import { connectPeer } from "../../support/peer.ts";
import { startPrivate } from "../permissions/scene.ts";

const nameOf = ({ id, offset = 0 }: Receipt): { id: string; offset: number } => ({ id, offset });

async function start(options: HubOptions = {}) {
  const running = await startHub(options);
  const send = async (data: unknown): Promise<{ id: string; offset: number }> =>
    nameOf(await running.hub.group("g").send({ type: "chat", data }));
  return { ...running, send };
}

describe("an edit by the application", () => {
  test("is told to members in order, and the history has the new data", async () => {
    const { hub, url, send } = await start();
    const alice = await connectPeer(url({ user_id: "alice" }));
    await alice.request("group.join", { group: "g" });
    const first = await send({ text: "helo" });
    const second = await send("a secret");

    const edited = await hub.edit("group:g", { ...first, data: { text: "hello" }, from: "bob" });
    const deleted = await hub.delete("group:g", second);

    expect(edited).toMatchObject({ offset: 3, state: "delivered" });
    expect(await alice.frame("message.edited")).toMatchObject({
      ...{ group: "g", from: "bob", offset: 3, id: edited.id },
      data: { ...first, type: "chat", data: { text: "hello" } },
    });
    const notice = await alice.frame("message.deleted");
    expect(notice).toMatchObject({ offset: deleted.offset, data: { ...second, type: "chat" } });
    const page = await hub.history("group:g");
    expect(page).toMatchObject({
      messages: [
        { ...first, data: { text: "hello" }, editedAt: edited.timestamp },
        { ...second, data: null, deletedAt: deleted.timestamp },
      ],
      more: false,
    });
    expect(page.messages).toHaveLength(2);
  });

  test("is refused for another id, a notice, a deleted message, bad names, and in a last-value channel", async () => {
    const { hub, send } = await start({ history: { channels: { "group:last": { last: true } } } });
    const first = await send("one");
    const edit = (channel: string, name: object, data: unknown = "two") =>
      hub.edit(channel, { ...first, ...name, data }).then(
        ({ offset }) => offset,
        ({ code }) => code,
      );
    for (const name of [{ id: "another" }, { offset: 2 }, { offset: 0 }, { offset: 1.5 }])
      expect([name, await edit("group:g", name)]).toEqual([name, "not_found"]);
    expect(await edit("group:empty", {})).toBe("not_found");
    expect(await edit("g", {})).toBe("bad_request");
    expect(await edit("group:g", { from: "" })).toBe("bad_request");
    expect(await edit("group:g", {}, 1n)).toBe("bad_request");
    const notice = await hub.edit("group:g", { ...first, data: "two" });
    expect(await edit("group:g", nameOf(notice))).toBe("not_found");
    await hub.delete("group:g", first);
    expect(await edit("group:g", {})).toBe("not_found");
    const last = await hub.group("last").send({ type: "chat", data: 1 });
    expect(await edit("group:last", nameOf(last))).toBe("conflict");
    expect((await hub.history("group:last")).messages).toMatchObject([{ data: 1 }]);
  });

  test("leaves no page without messages while there are older ones", async () => {
    const { hub, send } = await start();
    const first = await send("one");
    for (const data of ["two", "three"]) await send(data);
    for (let count = 0; count < 60; count++) await hub.edit("group:g", { ...first, data: count });

    const { messages, more } = await hub.history("group:g", { limit: 2 });
    expect(messages.map(({ data }) => data)).toEqual(["two", "three"]);
    expect(more).toBe(true);
    const rest = await hub.history("group:g", { limit: 2, before: messages[0]?.offset });
    expect(rest).toMatchObject({ messages: [{ data: 59 }], more: false });
  });

  test("of a message that is no longer retained takes the text out of the notice of its edit", async () => {
    const { hub, url, send } = await start({ history: { count: 5 } });
    const first = await send("one");
    for (const data of ["two", "three", "four"]) await send(data);
    await hub.edit("group:g", { ...first, data: "older", from: "bob" });
    await hub.edit("group:g", { ...first, data: "a secret", from: "bob" });
    await send("five");
    const code = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => "done",
        (error: { code: string }) => error.code,
      );

    expect(await code(hub.edit("group:g", { ...first, data: "new" }))).toBe("not_found");
    expect(await code(hub.delete("group:g", { ...first, id: "another" }))).toBe("not_found");
    expect(await code(hub.delete("group:g", { ...first, author: "carol" }))).toBe("forbidden");
    expect(await hub.delete("group:g", { ...first, author: "bob" })).toMatchObject({ offset: 8 });
    expect(await code(hub.delete("group:g", first))).toBe("not_found");
    const alice = await connectPeer(url({ user_id: "alice" }));
    await alice.request("group.join", { group: "g", last: 5 });
    expect(await alice.frame("message.deleted")).toMatchObject({ data: { ...first, type: "chat" } });
    expect(alice.messages.map(({ offset }) => offset)).toEqual([4, 7, 8]);
    expect(JSON.stringify(alice.frames)).not.toContain("a secret");
  });

  test("reads for the user that the application names, until that user's time is used up", async () => {
    const { hub, send } = await start({ history: { count: 5 } });
    for (let sent = 0; sent < 6; sent++) await send("x".repeat(900_000));
    const forEve = Array.from({ length: 12 }, async () =>
      hub.delete("group:g", { offset: 1, id: "none", reader: "eve" }).catch(({ code }) => {
        if (code !== "rate_limited") throw code;
        return code;
      }),
    );
    expect(await Promise.any(forEve)).toBe("rate_limited");
    await expect(hub.delete("group:g", { offset: 1, id: "none" })).rejects.toMatchObject({
      code: "not_found",
    });
    const wrong = hub.delete("group:g", { offset: 6, id: "none", reader: "" });
    await expect(wrong).rejects.toMatchObject({ code: "bad_request" });
  });

  test("must meet the schema that is declared for the type of the message", async () => {
    const hub = createHub({
      api: defineApi({ events: { chat: z.object({ text: z.string().trim() }) }, actions: {} }),
      logLevel: "silent",
    });
    onTestFinished(() => hub.close());
    await hub.ready;
    const name = nameOf(await hub.group("g").send({ type: "chat", data: { text: "one" } }));

    await expect(hub.edit("group:g", { ...name, data: "two" })).rejects.toMatchObject({
      code: "bad_request",
    });
    await hub.edit("group:g", { ...name, data: { text: " two " } });
    expect((await hub.history("group:g")).messages[0]?.data).toEqual({ text: "two" });
  });

  test("has types that nobody else may publish", async () => {
    const { hub, url } = await start();
    const alice = await connectPeer(url({ user_id: "alice" }));
    for (const type of ["message.edited", "message.deleted"]) {
      await expect(hub.user("bob").send({ type, data: 1 })).rejects.toMatchObject({ code: "bad_request" });
      alice.send({ id: type, type, to: "bob", data: 1 });
      expect(await alice.next(({ id }) => id === type)).toMatchObject({ error: { code: "bad_request" } });
    }
  });
});

describe("a client that was away", () => {
  test("gets the notices of what it had, and of what it missed the present data", async () => {
    const { hub, url, send } = await start();
    const alice = new Observed(url(), { user: "alice" });
    onTestFinished(() => alice.client.close());
    await alice.client.join("g");
    const had = await send("one");
    await alice.until(() => alice.received.length === 1);
    alice.client.disconnect();
    const [missed, gone] = [await send("two"), await send("three")];
    await hub.edit("group:g", { ...had, data: "ONE" });
    await hub.edit("group:g", { ...missed, data: "2" });
    await hub.edit("group:g", { ...missed, data: "TWO" });
    await hub.delete("group:g", gone);
    alice.client.connect();

    await alice.until(() => alice.received.length === 5);
    expect(alice.received).toEqual([
      "one",
      "TWO",
      { ...had, type: "chat", data: "ONE" },
      { ...missed, type: "chat", data: "TWO" },
      { ...gone, type: "chat" },
    ]);
    expect(alice.all("lost")).toEqual([]);
    expect(alice.client.positions["group:g"]?.offset).toBe(7);
    const { messages } = await alice.client.history({ channel: "group:g" });
    expect(messages.map(({ data }) => data)).toEqual(["one", "TWO", null].with(0, "ONE"));
  });

  test("acknowledges notices without a listener for them", async () => {
    const { hub, url, send } = await start();
    const client = connect(url(), { user: "alice", reconnect: QUICK });
    onTestFinished(() => client.close());
    const seen: unknown[] = [];
    client.on("chat", ({ data }) => void seen.push(data));
    await client.join("g");
    await hub.edit("group:g", { ...(await send("one")), data: "two" });
    await send("three");

    await eventually("all are acknowledged", () => client.positions["group:g"]?.offset === 3);
    expect(seen).toEqual(["one", "three"]);
  });
});

describe("an edit by a client", () => {
  const sent = { group: "g", type: "chat", data: "one" };

  test("needs the right `edit`, which nobody has by default, and changes own messages only", async () => {
    const { hub, connect } = await startPrivate();
    const may = { join: ["group:g"], send: ["group:g"] };
    const alice = await connect("alice", may);
    const bob = await connect("bob", { ...may, edit: ["group:*"] });
    const carol = await connect("carol", { edit: ["group:g"] });
    for (const peer of [alice, bob]) await peer.request("group.join", { group: "g" });
    const [own, hers] = [bob, alice].map((peer) => peer.request("message.send", sent));
    const name = { channel: "group:g", ...nameOf((await own)?.data as Receipt) };
    const foreign = { channel: "group:g", ...nameOf((await hers)?.data as Receipt) };
    const code = async (peer: typeof bob, action: string, data: object): Promise<unknown> =>
      ((await peer.request(action, data)) as { error?: { code: string } }).error?.code;

    for (const action of ["message.edit", "message.delete"]) {
      expect(await code(alice, action, { ...foreign, data: "two" })).toBe("forbidden");
      expect(await code(bob, action, { ...foreign, data: "two" })).toBe("forbidden");
      expect(await code(bob, action, { ...name, id: "another", data: "two" })).toBe("not_found");
      expect(await code(bob, action, { channel: "group:g", data: "two" })).toBe("bad_request");
    }
    // Who may not write to the channel any more may not write by an edit.
    expect(await code(carol, "message.edit", { ...name, data: "two" })).toBe("forbidden");
    expect(await bob.request("message.edit", { ...name, data: "two" })).toMatchObject({
      data: { offset: 3, state: "delivered" },
    });
    expect(await alice.frame("message.edited")).toMatchObject({ from: "bob", data: { data: "two" } });
    expect(await bob.request("message.delete", name)).toMatchObject({ data: { offset: 4 } });
    expect((await hub.history("group:g")).messages.filter(({ id }) => id === name.id)).toMatchObject([
      { data: null, deletedAt: expect.any(Number) },
    ]);
  });

  test("passes the hook for messages, and counts towards the budget of the user", async () => {
    const { hub, url } = await start({
      policy: { edit: "anyone" },
      publish: { storedBytesPerHour: 4_000 },
    });
    const asked: unknown[] = [];
    hub.on("message", ({ message }) => {
      asked.push(message);
      if (message.data === "bad") throw refuse("mind your words");
      return message.data === "loud" ? { data: "quiet", type: "other" } : undefined;
    });
    const bob = await connectPeer(url({ user_id: "bob" }));
    await bob.request("group.join", { group: "g" });
    const { data } = await bob.request("message.send", sent);
    const name = nameOf(data as Receipt);
    const edit = (text: string) => bob.request("message.edit", { channel: "group:g", ...name, data: text });

    expect(await edit("bad")).toMatchObject({ error: { code: "refused" } });
    expect(await edit("loud")).toMatchObject({ data: { offset: 2 } });
    expect(asked.at(-1)).toEqual({ ...sent, data: "loud", ephemeral: false, edits: name });
    expect((await hub.history("group:g")).messages).toMatchObject([{ type: "chat", data: "quiet" }]);
    expect(await edit("x".repeat(4_000))).toMatchObject({ error: { code: "rate_limited" } });
  });
});

test.each([
  ["as its client wrote it", false, "12345678901234567890.10"],
  ["as the hook has read it, where that replaces it", true, "12345678901234567000"],
])("a client's edit keeps its data %s", async (_, hasHook, written) => {
  const { hub, at, url } = await start({ policy: { edit: "anyone" } });
  if (hasHook) hub.on("message", ({ message }) => ({ data: message.data }));
  const bob = await connectPeer(url({ user_id: "bob" }));
  await bob.request("group.join", { group: "g" });
  const { data } = await bob.request("message.send", { group: "g", type: "chat", data: 1 });
  const { id, offset } = nameOf(data as Receipt);
  const edit = `"id":"${id}","offset":${offset},"data":{"n":\n12345678901234567890.10}`;
  bob.send(`{"id":9,"action":"message.edit","data":{"data":1,"channel":"group:g",${edit}}}`);
  expect(await bob.next((frame) => frame.id === 9)).toMatchObject({ data: { offset: 2 } });
  const page = await fetch(`${at.url}/history?channel=group:g`);
  expect(await page.text()).toContain(`"data":{"n":${written}},`);
});

test("the HTTP API edits and deletes, and keeps all digits of numbers", async () => {
  const { hub, at, send } = await start();
  const call = async (path: string, body: string): Promise<unknown> => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${at.url}/history${path}`, { method: "POST", headers, body });
    return response.json();
  };
  const { id, offset } = await send("one");
  const name = `"channel":"group:g","id":"${id}","offset":${offset}`;

  expect(await call("/edit", `{${name},"from":"bob","data":12345678901234567890}`)).toMatchObject({
    offset: 2,
  });
  const page = await fetch(`${at.url}/history?channel=group:g`);
  expect(await page.text()).toMatch(/"data":12345678901234567890,.*"editedAt":\d+/);
  expect(await call("/delete", `{${name}}`)).toMatchObject({ offset: 3 });
  expect(await call("/delete", `{${name}}`)).toMatchObject({ error: { code: "not_found" } });
  expect((await hub.history("group:g")).messages).toMatchObject([{ id, data: null }]);
});
