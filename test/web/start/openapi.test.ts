import { describe, expect, it, onTestFinished } from "vitest";
import { createChat } from "../../../src/chat/chat.ts";
import type { Hub } from "../../../src/index.ts";
import {
  curlOf,
  exampleOf,
  groupsOf,
  type OpenApi,
  type Operation,
  operationsOf,
} from "../../../web/start/openapi/openapi.ts";
import { startHub } from "../../support/hub.ts";

const apiKey = "an API key of the tests";

/** The operations of a hub with the chat, as its document describes them. */
async function described(): Promise<{ hub: Hub<Record<string, unknown>>; operations: Operation[] }> {
  const { hub } = await startHub({ apiKey, jwt: { secret: "a secret of at least thirty-two bytes" } });
  const chat = createChat({ hub });
  onTestFinished(() => chat.close());
  await chat.ready;
  const answer = await hub.fetch(
    new Request("http://hub/openapi.json", { headers: { "x-api-key": apiKey } }),
  );
  return { hub, operations: operationsOf((await answer.json()) as OpenApi) }; // it is what the hub gives
}

const named = (operations: readonly Operation[], id: string): Operation => {
  const found = operations.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no operation ${id}`);
  return found;
};

describe("operations of an OpenAPI document", () => {
  it("have their access, their fields by place, and the form without names", async () => {
    const { operations } = await described();
    const add = named(operations, "addMember");
    expect(add).toMatchObject({
      method: "POST",
      path: "/groups/{group}/members",
      tag: "groups",
      access: "admin",
    });
    expect(add.withoutNames).toBe("POST /groups/members");
    expect(add.fields.map(({ name, place, isRequired }) => [name, place, isRequired])).toEqual(
      expect.arrayContaining([
        ["group", "path", true],
        ["user", "body", true],
      ]),
    );
    expect(named(operations, "health").access).toBe("open");
    expect(named(operations, "openapi").access).toBe("any key");
    expect(named(operations, "chatLogin").access).toBe("open");
    expect(named(operations, "chatProfile")).toMatchObject({ access: "user", tag: "chat" });
    expect(operations.filter(({ id }) => id.endsWith("ByField"))).toEqual([]);
  });

  it("all belong to a group", async () => {
    const { operations } = await described();
    const tags = groupsOf(operations, "").map(({ tag }) => tag);
    expect(tags).toEqual([
      "health",
      "nodes",
      "console",
      "messages",
      "users",
      "groups",
      "administration",
      "chat",
    ]);
  });

  it("are found by all words of a filter", async () => {
    const { operations } = await described();
    const found = (filter: string): string[] =>
      groupsOf(operations, filter).flatMap(({ operations: some }) => some.map(({ id }) => id));
    expect(found("  GET history ")).toEqual(["nodeHistory", "readHistory"]);
    expect(found("nothing of the kind")).toEqual([]);
  });

  it("have examples that the hub accepts as well formed", async () => {
    const { hub, operations } = await described();
    const refused: unknown[] = [];
    // The examples do what they say, so those that end the node or measure it are left out. The search needs a message log.
    for (const operation of operations.filter(
      ({ id }) => !["drainNode", "profile", "searchMessages"].includes(id),
    )) {
      const { method, target, body } = exampleOf(operation);
      const headers = { "x-api-key": apiKey, "content-type": "application/json" };
      const request = new Request(`http://hub${target}`, { method, headers, body: body ?? null });
      const answer = await hub.fetch(request);
      if (answer.status === 400 || answer.status >= 500)
        refused.push([operation.id, body, await answer.text()]);
    }
    expect(refused).toEqual([]);
  });
});

describe("an example for a shell", () => {
  it("has the key as a variable, and quotes what a shell would read", async () => {
    const { operations } = await described();
    const example = (id: string): string => curlOf(named(operations, id), "https://hub.example.com/realtime");
    expect(example("sendMessage")).toBe(`curl https://hub.example.com/realtime/ws/message \\
  -H "x-api-key: $API_KEY" \\
  -H 'content-type: application/json' \\
  -d '{"type":"chat","data":{"text":"Hello"},"to":"alice"}'`);
    expect(example("health")).toBe("curl https://hub.example.com/realtime/health");
    expect(example("readHistory")).toBe(
      `curl 'https://hub.example.com/realtime/history?channel=group%3Ateam' \\\n  -H "x-api-key: $API_KEY"`,
    );
    expect(example("chatProfile")).toContain('-H "authorization: Bearer $TOKEN"');
    expect(example("removeMember")).toContain("-X DELETE");
  });
});
