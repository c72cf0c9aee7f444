import { createElement as h, type ReactElement } from "react";
import { expect, onTestFinished, test, vi } from "vitest";
import { type Client, type ConnectOptions, connect } from "../../src/client/client.ts";
import {
  TidingsProvider,
  useClient,
  useEvent,
  useMessages,
  usePresence,
  useRequest,
  useRoom,
  useSend,
  useStatus,
  useUnread,
} from "../../src/react/react.ts";
import { QUICK } from "../client/harness.ts";
import { FakeClient, message, messages } from "../stores/fake-client.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { type Rendered, render } from "./dom.ts";

function connected(url: string, options: ConnectOptions = {}): Client {
  const client = connect(url, { user: "alice", reconnect: QUICK, ...options });
  onTestFinished(() => client.close());
  return client;
}

/** Fails the test that has an error or a warning of React. */
function watchErrors() {
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => errors.mockRestore());
  return errors;
}

const under = (client: unknown, ...children: ReactElement[]): ReactElement =>
  h(TidingsProvider, { client: client as Client | null }, ...children);

const shows = (page: Rendered, text: string) =>
  eventually(`the page shows ${text}`, () => page.text().includes(text));

function List({ of, join = false }: { of: `group:${string}` | `user:${string}`; join?: boolean }) {
  const { messages, state } = useMessages(of, { join });
  return h("p", null, `${state}:${messages.map(({ data }) => data).join(",")};`);
}

test("two components on a channel make one request in strict mode, and show the same", async () => {
  const errors = watchErrors();
  const { hub, url } = await startHub();
  await hub.group("g").send({ type: "chat", data: 1 });
  const sent: string[] = [];
  class Recording extends WebSocket {
    override send(text: string): void {
      sent.push(JSON.parse(text).action);
      super.send(text);
    }
  }
  const client = connected(url(), { WebSocket: Recording });
  await client.ready; // from then on a request is sent at once
  const list = h(List, { of: "group:g", join: true });
  const page = render(under(client, list, list));
  await shows(page, "ready:1;ready:1;");
  await hub.group("g").send({ type: "chat", data: 2 });
  await shows(page, "ready:1,2;ready:1,2;");
  page.show(under(client, list));
  await hub.group("g").send({ type: "chat", data: 3 });
  await eventually("one list is left", () => page.text() === "ready:1,2,3;");
  expect(sent.filter((action) => action === "message.history")).toHaveLength(1);
  expect(sent.filter((action) => action === "group.join")).toHaveLength(1);
  page.remove();
  await eventually("the group is left", () => sent.includes("group.leave"));
  expect(errors).not.toHaveBeenCalled();
});

test("a client may come later, and go", async () => {
  const errors = watchErrors();
  const { hub, url } = await startHub();
  await hub.user("alice").send({ type: "chat", data: "Hello" });
  function Page() {
    const client = useClient();
    const { state } = useStatus();
    const { send } = useSend();
    if (!client) send({ type: "chat" }).catch(() => {});
    return h("p", null, `${state} ${useRoom("g").state} ${usePresence(["bob"]).state} ${useUnread().state}`);
  }
  const all = [h(Page, { key: 1 }), h(List, { key: 2, of: "user:alice" })];
  const page = render(under(null, ...all));
  await shows(page, "none idle idle idleidle:;");
  const client = connected(url());
  page.show(under(client, ...all));
  await shows(page, "open ready ready failedready:Hello;"); // there is no chat
  page.show(under(null, ...all));
  await shows(page, "none idle idle idleidle:;");
  expect(errors).not.toHaveBeenCalled();
});

test("another client shows nothing of the one before", async () => {
  const { hub, url } = await startHub();
  await hub.group("g").send({ type: "chat", data: "old" });
  hub.authorize(({ user }) => user === "alice");
  const seen: string[] = [];
  function Seen() {
    const { messages, error } = useMessages("group:g", { join: true });
    const { sent } = useSend();
    const text = `${useStatus().user}:${messages.length + sent.length}${error ? "!" : ""}`;
    seen.push(text);
    return text;
  }
  const alice = connected(url());
  const page = render(under(alice, h(Seen)));
  await shows(page, "alice:1");
  page.show(under(connected(url(), { user: "bob" }), h(Seen)));
  await shows(page, "bob:0!");
  const after = seen.slice(seen.findLastIndex((text) => text.startsWith("alice")) + 1);
  expect(after.filter((text) => !text.includes(":0"))).toEqual([]);
});

test("a component that goes while its request is in flight leaves nothing behind", async () => {
  const errors = watchErrors();
  const { hub, url } = await startHub();
  const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
  const { promise: reply, resolve: answer } = Promise.withResolvers<number>();
  hub.action("test.slow", () => {
    isAsked();
    return reply;
  });
  function Slow() {
    const { data, state } = useRequest<number>("test.slow");
    return `${state} ${data}`;
  }
  const client = connected(url());
  const page = render(under(client, h(Slow)));
  await asked;
  page.show(under(client));
  await eventually("it is gone", () => page.text() === "");
  answer(1);
  expect(await client.request("test.slow")).toBe(1);
  page.show(under(client, h(Slow)));
  await shows(page, "ready 1");
  expect(errors).not.toHaveBeenCalled();
});

test("messages that arrive out of order, in bursts and twice are shown in order and once", async () => {
  const errors = watchErrors();
  const fake = new FakeClient();
  const page = render(under(fake.client, h(List, { of: "group:g" })));
  const asked = await fake.asks();
  fake.push(message(4));
  asked.answer(messages(2, 3));
  for (const offset of [7, 6, 5, 5, 4, 8]) fake.push(message(offset));
  await shows(page, `ready:${messages(2, 8).map(({ data }) => data)};`);
  expect(errors).not.toHaveBeenCalled();
});

test("snapshots stay the same between renders, whatever is passed to the hooks", async () => {
  const errors = watchErrors();
  const { url } = await startHub();
  let renders = 0;
  function Page() {
    renders++;
    const seen = [
      useMessages("user:alice", { types: ["chat"] }).state,
      usePresence(["alice"]).state,
      useRequest("group.count", { group: "g" }).state,
      useRoom("g", { data: { mood: "good" } }).state,
    ];
    return seen.join();
  }
  const client = connected(url());
  const page = render(under(client, h(Page)));
  await shows(page, "ready,ready,ready,ready");
  // One for the first render and one for each of the four replies, each twice in strict mode; the status of none changes anything.
  expect(renders).toBeLessThanOrEqual(2 * (1 + 4));
  const before = renders;
  page.show(under(client, h(Page)));
  await eventually("it is rendered again", () => renders > before);
  await client.request("robot.heartBeat");
  expect(renders).toBe(before + 2);
  expect(errors).not.toHaveBeenCalled();
});

test("a listener is the newest one, and hears each message once", async () => {
  const { hub, url } = await startHub();
  const heard: string[] = [];
  function Listening({ name }: { name: string }) {
    useEvent("chat", ({ data }) => heard.push(`${name}:${data}`));
    return name;
  }
  const client = connected(url());
  await hub.user("alice").send({ type: "chat", data: 1 });
  await client.ready;
  const page = render(under(client, h(Listening, { name: "a" })));
  await eventually("the kept message is heard", () => heard.length === 1);
  page.show(under(client, h(Listening, { name: "b" })));
  await shows(page, "b");
  await hub.user("alice").send({ type: "chat", data: 2 });
  await eventually("the next one is heard", () => heard.length === 2);
  page.remove();
  await hub.user("alice").send({ type: "chat", data: 3 });
  await client.request("robot.heartBeat");
  expect(heard).toEqual(["a:1", "b:2"]);
});

test("a message that is sent is shown in each of its states", async () => {
  const { url } = await startHub();
  const client = connected(url());
  const bob = connected(url(), { user: "bob" });
  bob.on("chat", () => {});
  await Promise.all([client.ready, bob.ready]);
  client.pause();
  const seen = new Set<string>();
  const sends: ReturnType<typeof useSend<Record<string, unknown>>>[] = [];
  function Sending() {
    const sending = useSend();
    sends.push(sending);
    const text = sending.sent.map(({ state }) => state).join();
    seen.add(text);
    return text;
  }
  const page = render(under(client, h(Sending)));
  await eventually("it is rendered", () => sends.length > 0);
  void sends[0]?.send({ type: "chat", to: "bob", data: 1, ack: true });
  await shows(page, "queued");
  client.resume();
  await shows(page, "acknowledged");
  expect([...seen][1]).toBe("queued");
});
