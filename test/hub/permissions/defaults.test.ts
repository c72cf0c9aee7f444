import { describe, expect, it } from "vitest";
import { CONFIG_KEYS } from "../../../src/config/config.ts";
import type { GrantsInput, HubOptions } from "../../../src/index.ts";
import { codesIn, readPage, tableAfter } from "../../docs/markdown.ts";
import { startHub } from "../../support/hub.ts";
import { SECRET } from "../../support/keys.ts";
import { connectPeer, type Peer } from "../../support/peer.ts";
import { answerOf, send, startPrivate, visit } from "./scene.ts";

const page = readPage("docs/PERMISSIONS.md");

interface Operation {
  readonly attempt: (peer: Peer) => Promise<Record<string, unknown>>;
  /** What permits it. */
  readonly can: GrantsInput;
}

/** The operations of the table of defaults, by the words of its first column. */
const OPERATIONS: Record<string, Operation> = {
  "join a group": {
    attempt: (peer) => peer.request("group.join", { group: "g" }),
    can: { join: ["group:g"] },
  },
  "send to another user": { attempt: (peer) => send(peer, { to: "bob" }), can: { send: ["user:bob"] } },
  "send to a group": { attempt: (peer) => send(peer, { group: "g" }), can: { send: ["group:g"] } },
  "send to everyone": { attempt: (peer) => send(peer, {}), can: { send: ["all"] } },
  "edit and delete own messages": { attempt: editOwn, can: { edit: ["group:g"] } },
  "read the history of the own channel": {
    attempt: (peer) => peer.request("message.history", {}),
    can: { history: ["user:alice"] },
  },
  "read the history of `all`": {
    attempt: (peer) => peer.request("message.history", { channel: "all" }),
    can: { history: ["all"] },
  },
  "read the history of another user": {
    attempt: (peer) => peer.request("message.history", { channel: "user:bob" }),
    can: { history: ["user:bob"] },
  },
  "read the history of a group": {
    attempt: (peer) => peer.request("message.history", { channel: "group:g" }),
    can: { history: ["group:g"] },
  },
  "see the own presence": {
    attempt: (peer) => seeUsers(peer, { users: ["alice"] }),
    can: { presence: ["user:alice"] },
  },
  "see the presence of another user": {
    attempt: (peer) => seeUsers(peer, { users: ["bob"] }),
    can: { presence: ["user:bob"] },
  },
  "list a group and its presence": { attempt: seeGroup, can: { presence: ["group:g"] } },
  "list everyone who is online": {
    attempt: (peer) => seeUsers(peer, undefined),
    can: { presence: ["all"] },
  },
};

/** Deletes a message that is not there: only who may delete learns that. */
async function editOwn(peer: Peer): Promise<Record<string, unknown>> {
  const answer = await peer.request("message.delete", { channel: "group:g", offset: 1, id: "none" });
  return (answer.error as { code: string }).code === "not_found" ? {} : answer;
}

/** Asks for presence in both ways, which must have one answer. */
async function seeUsers(peer: Peer, users: object | undefined): Promise<Record<string, unknown>> {
  const got = await peer.request("presence.get", users ?? {});
  const watched = await peer.request("presence.watch", users ?? { all: true });
  expect("error" in watched).toBe("error" in got);
  return watched;
}

async function seeGroup(peer: Peer): Promise<Record<string, unknown>> {
  const members = await peer.request("group.members", { group: "g" });
  const online = await peer.request("presence.get", { group: "g" });
  expect("error" in online).toBe("error" in members);
  return members;
}

describe("the table of defaults in docs/PERMISSIONS.md", () => {
  const rows = tableAfter(page, "## Defaults");

  it("has a row for each operation", () => {
    expect(rows.map(([operation]) => operation)).toEqual(Object.keys(OPERATIONS));
  });

  it.each(rows)("is true, cell by cell: %s", async (name = "", ...cells) => {
    const { attempt, can } = OPERATIONS[name] as Operation;
    const { hub, connect } = await startPrivate();
    const development = await startHub();
    const anybody = await connect("alice");
    const granted = await connect("alice", can);
    await hub.group("g").add("member");
    const member = await connect("member");
    const developer = await connectPeer(development.url({ user_id: "alice" }));
    // The own channel and presence of each are those of alice, so the member is asked about its own.
    const asMember = name.includes("own presence")
      ? seeUsers(member, { users: ["member"] })
      : attempt(member);
    const found = [
      await answerOf(attempt(anybody)),
      await answerOf(asMember),
      await answerOf(attempt(granted)),
      await answerOf(attempt(developer)),
    ];
    expect(found).toEqual(cells);
  });
});

describe("the table of visitors in docs/PERMISSIONS.md", () => {
  const rows = tableAfter(page, "## Visitors without a token");

  it("has a row for each operation", () => {
    expect(rows.map(([operation]) => operation)).toEqual(Object.keys(OPERATIONS));
  });

  it.each(rows)("is true, cell by cell: %s", async (name = "", ...cells) => {
    const { attempt, can } = OPERATIONS[name] as Operation;
    const found = [];
    for (const anonymous of [true, can] as HubOptions["policy"][]) {
      const { url } = await startHub({
        jwt: { secret: SECRET },
        policy: { anonymous } as HubOptions["policy"],
      });
      const visitor = await visit(url());
      const user = String(visitor.frames[0]?.user);
      const own = name.includes("own presence") ? seeUsers(visitor, { users: [user] }) : attempt(visitor);
      found.push(await answerOf(own));
    }
    expect(found).toEqual(cells);
  });
});

describe("the table of settings in docs/PERMISSIONS.md", () => {
  const rows = tableAfter(page, "## Settings");
  const keys = CONFIG_KEYS.filter(({ path }) => path.startsWith("policy.") && path !== "policy.anonymous");

  it("has a row for each setting, with its name in the environment, its values and its defaults", () => {
    const told = rows.map(([setting, environment, values, secret, development]) => ({
      path: codesIn(setting)[0],
      env: codesIn(environment)[0],
      values: codesIn(values),
      default: codesIn(secret)[0] === codesIn(development)[0] ? codesIn(secret)[0] : undefined,
    }));
    expect(told).toEqual(
      keys.map(({ path, env, schema, default: value }) => ({
        path,
        env,
        values: ["anyone", "members", "granted", "nobody"].filter((word) => schema.safeParse(word).success),
        default: value,
      })),
    );
  });
});
