import { expectTypeOf, test } from "vitest";
import type { Client, Outgoing } from "../../src/client/client.ts";

interface Events {
  chat: { text: string };
  typing: undefined;
}

// The test is the compiler: `npm run typecheck` reads these functions, and nothing calls them.
const declared = (client: Client<Events>): void => {
  client.on("chat", ({ data }) => expectTypeOf(data).toEqualTypeOf<{ text: string }>());
  client.on("*", (message) => {
    expectTypeOf(message.type).toEqualTypeOf<"chat" | "typing" | "message.edited" | "message.deleted">();
    if (message.type === "chat") expectTypeOf(message.data.text).toBeString();
  });
  // @ts-expect-error: no such event
  client.on("chta", () => {});
  void client.send({ type: "chat", to: "bob", data: { text: "Hello" } });
  void client.send({ type: "typing", group: "g1" });
  // @ts-expect-error: the data is missing
  void client.send({ type: "chat", to: "bob" });
  // @ts-expect-error: the data is another event's
  void client.send({ type: "chat", to: "bob", data: { txt: "Hello" } });
  // @ts-expect-error: to a user or a group, not both
  void client.send({ type: "typing", to: "bob", group: "g1" });
  expectTypeOf(client.request<number>("math.double", 1)).resolves.toBeNumber();
};

const undeclared = (client: Client): void => {
  client.on("anything", ({ data }) => expectTypeOf(data).toBeUnknown());
  void client.send({ type: "anything" });
};

test("declared events are checked in `send` and in listeners", () => {
  expectTypeOf(declared).parameter(0).toEqualTypeOf<Client<Events>>();
  expectTypeOf(undeclared).parameter(0).toEqualTypeOf<Client>();
  expectTypeOf<Outgoing<Events>["type"]>().toEqualTypeOf<"chat" | "typing">();
});
