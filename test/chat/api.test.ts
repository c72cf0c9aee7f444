import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { type ChatActions, type ChatApi, createChat } from "../../src/chat/chat.ts";
import { connect } from "../../src/client/client.ts";
import { createHub, defineApi } from "../../src/index.ts";
import type { Requests } from "../../web/chat/model/wire.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";
import { REPOSITORY } from "../support/repository.ts";
import { startScene } from "./scene.ts";

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** Shapes that have a name. */
const NAMES: readonly (readonly [name: string, says: string, fields: RegExp])[] = [
  ["ChatMessage", "A message of a conversation.", /^\{ type: string; data: unknown; timestamp: number;/],
  [
    "ChatPerson",
    "A user as others see it.",
    /^\{ user: string; name: string; picture\?: string \| undefined \}$/,
  ],
];

function typeOf(schema: JsonSchema = {}): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.type === "array") return `${typeOf(schema.items)}[]`;
  if (schema.type === "integer") return "number";
  if (schema.type !== "object") return schema.type ?? "unknown";
  return objectOf(schema);
}

function objectOf({ properties = {}, required = [] }: JsonSchema): string {
  const fields = Object.entries(properties).map(([name, schema]) =>
    required.includes(name) ? `${name}: ${typeOf(schema)}` : `${name}?: ${typeOf(schema)} | undefined`,
  );
  const text = fields.length === 0 ? "Record<never, never>" : `{ ${fields.join("; ")} }`;
  const named = NAMES.find(([, , form]) => form.test(text));
  if (named === undefined) return text;
  shapes.set(named[0], `/** ${named[1]} */\nexport interface ${named[0]} ${text}\n`);
  return named[0];
}

const shapes = new Map<string, string>();

interface Described {
  readonly security: readonly unknown[];
  readonly requestBody: {
    readonly content: { readonly "application/json": { readonly schema: JsonSchema } };
  };
  readonly responses: {
    readonly 200: { readonly content: { readonly "application/json": { readonly schema: JsonSchema } } };
  };
}

/** Writes the types of the chat's requests from their description. */
async function typesOfActions(): Promise<string> {
  const { running } = await startScene({ hub: { apiKey: "an API key of the tests" } });
  const answer = await fetch(`${running.at.url}/openapi.json`, {
    headers: { "x-api-key": "an API key of the tests" },
  });
  const { paths } = (await answer.json()) as { paths: Record<string, { post: Described }> };
  const actions = Object.entries(paths)
    .filter(([path, { post }]) => path.startsWith("/chat/") && post.security.length > 0)
    .map(([path, { post }]) => {
      const name = path.replace("/chat/", "chat.");
      const input = typeOf(post.requestBody.content["application/json"].schema);
      const reply = typeOf(post.responses[200].content["application/json"].schema);
      return `  "${name}": { input: ${input}; reply: ${reply} };`;
    });
  const head =
    "/** Requests of the chat. Made from the schemas of its operations: UPDATE_TYPES=1 test/chat/api.test.ts writes it. */";
  return [...shapes.values(), `${head}\nexport interface ChatActions {\n${actions.join("\n")}\n}\n`].join(
    "\n",
  );
}

/** Without what a formatter adds. */
const plain = (text: string): string => text.replace(/[\s;|]/g, "");

const api = defineApi({
  events: { shipped: z.object({ order: z.int() }) },
  actions: { "order.ship": { input: z.object({ order: z.int() }), reply: z.object({ state: z.string() }) } },
});

describe("the types of the chat", () => {
  it("are those of its operations", async () => {
    const file = join(REPOSITORY, "src/chat/api/actions.ts");
    const types = await typesOfActions();
    if (process.env.UPDATE_TYPES === "1") writeFileSync(file, types);
    expect(plain(readFileSync(file, "utf8"))).toBe(plain(types));
  });

  it("include those that the page uses", () => {
    type Fits = {
      [Name in keyof Requests]: Requests[Name]["input"] extends ChatActions[Name]["input"]
        ? ChatActions[Name]["reply"] extends Requests[Name]["reply"]
          ? true
          : "reply"
        : "input";
    };
    expectTypeOf<Fits>().toEqualTypeOf<{ [Name in keyof Requests]: true }>();
  });

  it("compose with those of an api of the application", () => {
    const typed = () => connect<typeof api & ChatApi>("/ws", { user: "alice" });
    const chat = () => connect<ChatApi>("/ws", { user: "alice" });
    type Client = ReturnType<typeof typed>;
    const calls = async (client: Client, alone: ReturnType<typeof chat>) => {
      expectTypeOf((await client.request("order.ship", { order: 7 })).state).toEqualTypeOf<string>();
      expectTypeOf(
        (await client.request("chat.send", { to: "bob", text: "Hi" })).offset,
      ).toEqualTypeOf<number>();
      expectTypeOf((await alone.request("chat.groups", { limit: 10 })).groups[0]?.unread).toEqualTypeOf<
        number | undefined
      >();
      client.on("shipped", ({ data }) => data.order.toFixed());
      client.on("chat", ({ data }) => data.text?.trim());
      client.on("chat.read", ({ data }) => data.offset.toFixed());
      // @ts-expect-error a text is no number
      await client.request("chat.send", { to: "bob", text: 7 });
      // @ts-expect-error there is no such request
      await client.request("chat.shout", {});
    };
    expect(calls).toBeTypeOf("function"); // the compiler has checked it
  });
});

describe("a chat on a hub with an api", () => {
  const start = async () => {
    const hub = createHub({ api, logLevel: "silent", shutdown: { reconnectSpreadMs: 0 } });
    const chat = createChat({ hub, database: "sqlite::memory:", direct: "anyone" });
    const { port } = await hub.listen({ port: 0, host: "127.0.0.1" });
    return { hub, chat, url: (user: string) => `ws://127.0.0.1:${port}/ws?user_id=${user}` };
  };

  it("takes the requests and messages of both, checks them, and takes no others", async () => {
    const { hub, chat, url } = await start();
    hub.action("order.ship", (_context, { order }) => ({ state: `shipped ${order}` }));
    const [alice, bob] = [await connectPeer(url("alice")), await connectPeer(url("bob"))];
    await bob.request("chat.profile", {});
    const { data } = await alice.request("chat.create", { name: "friends", open: true });
    const { group } = data as { group: string };
    await bob.request("chat.join", { group });
    await alice.request("chat.edit", { group, announce: "group" });
    await alice.request("chat.send", { group, text: "Hello" });
    expect(await bob.frame("chat")).toMatchObject({ from: "alice", data: { text: "Hello" } });
    await alice.request("message.send", { group, type: "chat", data: { text: "as the SDK does" } });
    await alice.request("chat.typing", { group });
    expect(await bob.frame("chat.typing")).toMatchObject({ data: { user: "alice" } });
    await bob.request("chat.read", { group });
    expect(await alice.frame("chat.read")).toMatchObject({ data: { user: "bob", offset: 2 } });
    await alice.request("chat.befriend", { user: "bob" });
    expect(await bob.frame("chat.friend")).toMatchObject({ data: { user: "alice", state: "requested" } });
    await alice.request("chat.remove", { group, user: "bob" });
    await bob.frame("chat.removed");
    await alice.request("chat.invite", { group, user: "bob" });
    expect(await bob.frame("chat.invited")).toMatchObject({ data: { group, name: "friends", by: "alice" } });
    expect((await alice.request("order.ship", { order: 7 })).data).toEqual({ state: "shipped 7" });
    const bad = { code: "bad_request" };
    expect((await alice.request("order.ship", { order: "7" })).error).toMatchObject(bad);
    expect((await alice.request("chat.send", { group, text: 7 })).error).toMatchObject(bad);
    expect((await alice.request("message.send", { to: "bob", type: "other" })).error).toMatchObject(bad);
    expect((await alice.request("chat.shout")).error).toMatchObject({ code: "unknown_action" });
    await hub.close();
    await chat.close();
  });

  it("is refused where the api declares a message or a request of the chat itself", () => {
    const withChat = (own: Parameters<typeof defineApi>[0]) => () =>
      createChat({
        hub: createHub({ api: defineApi(own), logLevel: "silent" }),
        database: "sqlite::memory:",
      });
    expect(withChat({ events: { chat: z.string() } })).toThrow('type: "chat" is declared in the api already');
    expect(withChat({ actions: { "chat.send": {} } })).toThrow(
      'action: "chat.send" is declared in the api already',
    );
  });

  it("leaves a hub without an api as it is: every type and action is taken", async () => {
    const { hub } = await startHub();
    hub.extend(api);
    hub.action("other.one", () => 1);
    expect(await hub.broadcast({ type: "other" })).toMatchObject({ offset: 1 });
  });
});
