import { createElement } from "react";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import type { Client } from "../../src/client/client.ts";
import { defineApi } from "../../src/protocol/protocol.ts";
import { createHooks, TidingsProvider, useMessages, useRequest, useSend } from "../../src/react/react.ts";

const api = defineApi({
  events: { chat: z.object({ text: z.string() }), typing: z.undefined() },
  actions: { "math.double": { input: z.number(), reply: z.number() }, "clock.now": {} },
});
interface Events {
  note: { title: string };
}

// The test is the compiler: `npm run typecheck` reads these functions, and nothing calls them.
const declared = (client: Client<typeof api>, other: Client<Events>): void => {
  const hooks = createHooks<typeof api>();
  hooks.TidingsProvider({ client });
  hooks.TidingsProvider({ client: null });
  createElement(hooks.TidingsProvider, { client });
  // @ts-expect-error: the client of another declaration
  hooks.TidingsProvider({ client: other });
  hooks.useEvent("chat", ({ data }) => expectTypeOf(data).toEqualTypeOf<{ text: string }>());
  hooks.useEvent("message.deleted", ({ data }) => expectTypeOf(data.offset).toBeNumber());
  // @ts-expect-error: no such message
  hooks.useEvent("chta", () => {});
  const { messages } = hooks.useMessages("group:g", { types: ["chat"] });
  for (const { type, data } of messages) if (type === "chat") expectTypeOf(data.text).toBeString();
  // @ts-expect-error: no such message
  hooks.useMessages("group:g", { types: ["chta"] });
  const { send } = hooks.useSend();
  void send({ type: "chat", group: "g", data: { text: "Hello" } });
  // @ts-expect-error: the data is missing
  void send({ type: "chat", group: "g" });
  expectTypeOf(hooks.useRequest("math.double", 2).data).toEqualTypeOf<number | undefined>();
  hooks.useRequest("clock.now", undefined, { enabled: false });
  // @ts-expect-error: the data is missing
  hooks.useRequest("math.double");
  // @ts-expect-error: no such action
  hooks.useRequest("math.half", 2);
};

const plain = (client: Client<Events>): void => {
  TidingsProvider({ client });
  const note = useMessages<Events>("all").messages[0];
  if (note) expectTypeOf(note.data).toEqualTypeOf<{ title: string }>();
  void useSend<Events>().send({ type: "note", data: { title: "Hello" } });
  expectTypeOf(useRequest<number>("x").data).toEqualTypeOf<number | undefined>();
  const hooks = createHooks<Events>();
  hooks.useEvent("note", ({ data }) => expectTypeOf(data.title).toBeString());
  expectTypeOf(hooks.useRequest<number>("any.action", 1).data).toEqualTypeOf<number | undefined>();
};

test("hooks have the types of a declaration", () => {
  expectTypeOf(declared).parameter(0).toEqualTypeOf<Client<typeof api>>();
  expectTypeOf(plain).parameter(0).toEqualTypeOf<Client<Events>>();
});
