import { afterAll, beforeAll, expect, it } from "vitest";
import { type GrantsInput, jwt } from "../../src/index.ts";
import { SECRET } from "../support/keys.ts";
import { connectPeer, type Peer } from "../support/peer.ts";
import { end, type Served, serve } from "./run.ts";

let server: Served;
beforeAll(async () => {
  server = await serve([], { JWT_SECRET: SECRET });
});
afterAll(() => end(server));

const tokens = jwt({ secret: SECRET });

async function connect(user: string, can?: GrantsInput): Promise<Peer> {
  const token = await tokens.mint?.({ user, can });
  return connectPeer(`${server.socketUrl}?token=${token}`);
}

const CLOSED: [action: string, data: object][] = [
  ["group.join", { group: "board" }],
  ["message.history", { channel: "group:board" }],
  ["message.history", { channel: "user:bob" }],
  ["group.members", { group: "board" }],
  ["presence.get", {}],
  ["presence.get", { users: ["bob"] }],
  ["presence.get", { group: "board" }],
  ["presence.watch", { all: true }],
  ["presence.watch", { users: ["bob"] }],
];

it("with a secret and nothing else set, ordinary tokens read, join, watch and list nothing", async () => {
  for (const peer of [await connect("eve"), await connect("mallory")]) {
    for (const [action, data] of CLOSED) {
      expect({ action, data, reply: await peer.request(action, data) }).toMatchObject({
        reply: { error: { code: "forbidden" } },
      });
    }
  }
});

it("with grants in the token they do", async () => {
  const channels = ["all", "user:*", "group:board"];
  const eve = await connect("eve", { join: channels, history: channels, presence: channels });
  for (const [action, data] of CLOSED) {
    expect({ action, data, reply: await eve.request(action, data) }).toMatchObject({
      reply: { data: expect.anything() },
    });
  }
});
