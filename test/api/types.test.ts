import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import type { Client, connect, HistoryPage, Message } from "../../src/client/client.ts";
import type { createHub, Hub, HubOptions } from "../../src/index.ts";
import { defineApi } from "../../src/index.ts";

const api = defineApi({
  events: {
    shipped: z.object({ order: z.int(), at: z.date() }),
    counted: z.string().transform(Number),
    typing: z.undefined(),
  },
  actions: {
    "order.ship": {
      input: z.object({ order: z.int(), note: z.string().default("") }),
      reply: z.object({ at: z.date() }),
    },
    "order.count": { reply: z.number() },
    "order.note": { input: z.string().optional() },
  },
});
type Api = typeof api;

// The test is the compiler: `npm run typecheck` reads these functions, and nothing calls them.
const onTheServer = (hub: Hub<Api>): void => {
  void hub.user("a").send({ type: "shipped", data: { order: 1, at: new Date() }, ack: true });
  void hub.users(["a"]).send({ type: "counted", data: "7" });
  void hub.broadcast({ type: "typing" });
  // @ts-expect-error: the data is missing
  void hub.user("a").send({ type: "shipped" });
  // @ts-expect-error: the data is missing
  void hub.users(["a"]).send({ type: "shipped" });
  // @ts-expect-error: the data is missing
  void hub.group("g").send({ type: "shipped" });
  // @ts-expect-error: the data is missing
  void hub.everyone.platforms("ios").send({ type: "shipped" });
  // @ts-expect-error: no such message
  void hub.broadcast({ type: "shiped", data: { order: 1, at: new Date() } });
  // @ts-expect-error: what is sent is the schema's input
  void hub.broadcast({ type: "counted", data: 7 });
  expectTypeOf(hub.group("g").history()).resolves.toEqualTypeOf<HistoryPage<Api>>();

  hub.action("order.ship", (context, input) => {
    expectTypeOf(context.user).toBeString();
    expectTypeOf(input).toEqualTypeOf<{ order: number; note: string }>();
    return { at: new Date() };
  });
  hub.action("order.count", async (_context, input) => {
    expectTypeOf(input).toBeUndefined();
    return 1;
  });
  hub.action("order.note", (_context, input) => expectTypeOf(input).toEqualTypeOf<string | undefined>());
  // @ts-expect-error: the reply has a date
  hub.action("order.ship", () => ({ at: 1 }));
  // @ts-expect-error: no such action
  hub.action("order.shp", () => ({ at: new Date() }));
  // @ts-expect-error: the declaration has the schema
  hub.action("order.count", z.string(), () => 1);
  void hub.batch([
    { op: "send", to: "a", type: "counted", data: "7", key: "k" },
    { op: "kick", user: "a" },
    // @ts-expect-error: the data is missing
    { op: "broadcast", type: "shipped" },
  ]);
};

const onTheClient = (client: Client<Api>): void => {
  client.on("shipped", ({ data }) => expectTypeOf(data).toEqualTypeOf<{ order: number; at: string }>());
  client.on("counted", ({ data }) => expectTypeOf(data).toBeNumber());
  client.on("*", (message) => {
    if (message.type === "counted") expectTypeOf(message.data).toBeNumber();
  });
  // @ts-expect-error: no such message
  client.on("shiped", () => {});
  void client.send({ type: "shipped", to: "a", data: { order: 1, at: new Date() } });
  // @ts-expect-error: the data is missing
  void client.send({ type: "shipped", to: "a" });

  expectTypeOf(client.request("order.ship", { order: 1 })).resolves.toEqualTypeOf<{ at: string }>();
  expectTypeOf(client.request("order.count")).resolves.toBeNumber();
  expectTypeOf(client.request("order.note", "n", { timeoutMs: 1_000 })).resolves.toBeUnknown();
  void client.request("order.note");
  // @ts-expect-error: no such action
  void client.request("typo");
  // @ts-expect-error: no such action, whatever the reply
  void client.request<number>("typo");
  // @ts-expect-error: the data is missing
  void client.request("order.ship");
  // @ts-expect-error: another action's data
  void client.request("order.ship", "n");
  // @ts-expect-error: this action takes no data
  void client.request("order.count", { order: 1 });
};

interface Events {
  shipped: { order: number };
}

const withoutSchemas = (hub: Hub<Events>, client: Client<Events>): void => {
  // @ts-expect-error: the data is missing
  void hub.user("a").send({ type: "shipped" });
  // @ts-expect-error: the data is missing
  void hub.batch([{ op: "send", to: "a", type: "shipped" }]);
  hub.action("order.ship", z.object({ order: z.int() }), (_context, { order }) => order);
  hub.action("order.any", (_context, input) => expectTypeOf(input).toBeUnknown());
  expectTypeOf(client.request<number>("order.ship", { order: 1 })).resolves.toBeNumber();
  expectTypeOf<Message<Events, "shipped">["data"]>().toEqualTypeOf<{ order: number }>();
};

test("one declaration types both ends", () => {
  expectTypeOf(onTheServer).parameter(0).toEqualTypeOf<Hub<Api>>();
  expectTypeOf(onTheClient).parameter(0).toEqualTypeOf<Client<Api>>();
  expectTypeOf(withoutSchemas).parameter(0).toEqualTypeOf<Hub<Events>>();
  expectTypeOf<ReturnType<typeof connect<Api>>>().toEqualTypeOf<Client<Api>>();
  expectTypeOf<ReturnType<typeof createHub<Api>>>().toEqualTypeOf<Hub<Api>>();
  expectTypeOf<HubOptions>().not.toHaveProperty("api");
});
