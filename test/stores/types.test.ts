import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import type { Client } from "../../src/client/client.ts";
import { defineApi } from "../../src/protocol/protocol.ts";
import {
  type DeclaredOf,
  messagesStore,
  requestStore,
  type SendingStore,
  type StoreClient,
  sendingStore,
} from "../../src/stores/stores.ts";

const api = defineApi({
  events: { chat: z.object({ text: z.string() }), at: z.object({ time: z.date() }) },
  actions: { "math.double": { input: z.number(), reply: z.number() }, "clock.now": {} },
});
type Api = typeof api;

/** A client that is none of ours, with the same methods. */
interface OtherClient extends StoreClient<Api> {
  readonly isOther: true;
}

// The test is the compiler: `npm run typecheck` reads these functions, and nothing calls them.
const declared = (client: Client<Api>, other: OtherClient): void => {
  const [message] = messagesStore(client, "group:g").get().messages;
  if (message?.type === "chat") expectTypeOf(message.data).toEqualTypeOf<{ text: string }>();
  if (message?.type === "at") expectTypeOf(message.data.time).toBeString();
  expectTypeOf(messagesStore(other, "all")).toEqualTypeOf(messagesStore(client, "all"));
  // @ts-expect-error: no channel
  messagesStore(client, "g");

  void sendingStore(client).send({ type: "chat", to: "bob", data: { text: "Hello" } });
  // @ts-expect-error: the data is another event's
  void sendingStore(client).send({ type: "chat", to: "bob", data: { time: new Date() } });

  expectTypeOf(requestStore(client, "math.double", 2).get().data).toEqualTypeOf<number | undefined>();
  requestStore(client, "clock.now");
  // @ts-expect-error: the data is missing
  requestStore(client, "math.double");
  // @ts-expect-error: no such action
  requestStore(client, "math.half", 2);
};

const undeclared = (client: Client): void => {
  expectTypeOf(messagesStore(client, "all").get().messages[0]?.data).toBeUnknown();
  expectTypeOf(requestStore<number>(client, "math.half", 2).get().data).toEqualTypeOf<number | undefined>();
  void sendingStore(client).send({ type: "anything" });
};

test("stores have the types of their client's declaration", () => {
  expectTypeOf(declared).parameter(0).toEqualTypeOf<Client<Api>>();
  expectTypeOf(undeclared).parameter(0).toEqualTypeOf<Client>();
  expectTypeOf<DeclaredOf<Client<Api>>>().toEqualTypeOf<Api>();
  expectTypeOf<DeclaredOf<OtherClient>>().toEqualTypeOf<Api>();
  expectTypeOf<ReturnType<typeof sendingStore<Client<Api>>>>().toEqualTypeOf<SendingStore<Api>>();
});
