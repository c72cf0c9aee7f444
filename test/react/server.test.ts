import { createElement as h } from "react";
import { renderToString } from "react-dom/server";
import { expect, onTestFinished, test, vi } from "vitest";
import { connect } from "../../src/client/client.ts";
import {
  TidingsProvider,
  useEvent,
  useMessages,
  usePresence,
  useRequest,
  useRoom,
  useSend,
  useStatus,
  useUnread,
} from "../../src/react/react.ts";
import { FakeClient } from "../stores/fake-client.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { hydrate } from "./dom.ts";

function Page() {
  useEvent("chat", () => {});
  const { messages } = useMessages("user:alice");
  const states = [useStatus(), usePresence("all"), useRoom("g"), useUnread(), useRequest("x")];
  const text = `${states.map(({ state }) => state)} ${messages.length + useSend().sent.length}`;
  return h("p", null, text);
}

const IDLE = "<p>none,idle,idle,idle,idle 0</p>";

test("a server renders without a client, and asks nothing of one that it has", () => {
  expect(renderToString(h(TidingsProvider, { client: null }, h(Page)))).toBe(IDLE);
  const fake = new FakeClient();
  expect(renderToString(h(TidingsProvider, { client: fake.client }, h(Page)))).toBe(IDLE);
  expect([fake.pages, fake.listeners]).toEqual([0, 0]);
});

test("a hook without a provider says what is missing", () => {
  expect(() => renderToString(h(Page))).toThrow("put a <TidingsProvider client={…}> around the component");
});

test("the page takes over what the server rendered, and then shows what the client has", async () => {
  const { hub, url } = await startHub();
  await hub.user("alice").send({ type: "chat", data: 1 });
  const client = connect(url(), { user: "alice" });
  onTestFinished(() => client.close());
  await client.ready;
  const recovered = vi.fn();
  const errors = vi.spyOn(console, "error").mockImplementation(() => {});
  onTestFinished(() => errors.mockRestore());
  const page = hydrate(IDLE, h(TidingsProvider, { client }, h(Page)), recovered);
  await eventually("the message is there", () => page.text() === "open,ready,ready,failed,failed 1");
  expect(recovered).not.toHaveBeenCalled();
  expect(errors).not.toHaveBeenCalled();
});
