import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { HubOptions } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { type RunningHub, startHub } from "../support/hub.ts";
import { connectPeer, type Frame, Peer } from "../support/peer.ts";
import { readPage } from "./markdown.ts";

const SECRET = "a secret of the tests, 32 bytes!";

/** Causes of frames that the server sends by itself, by the heading of their section. */
const CAUSES: Readonly<Record<string, (running: Running) => unknown>> = {
  "`position`": () => undefined, // after the login
  Push: ({ bob }) => bob.send({ type: "chat", to: "alice", data: { text: "Hello" } }),
  "`acked`": async ({ alice, bob }) => {
    alice.send({ id: 1, type: "chat", to: "bob", data: "Hello", ack: true, timeoutMs: 1 });
    await alice.next(({ id }) => id === 1);
    await bob.request("message.ack", { offset: 1 });
  },
  "`presence`": async ({ alice, login }) => {
    await alice.request("presence.watch", { users: ["carol"] });
    await login("carol");
  },
  "Notice `kicked`": ({ hub }) =>
    hub.user("alice").kick({ reason: "spam", notice: { appeal: "abuse@example.com" } }),
  "Notice `blocked`": ({ hub }) => hub.user("alice").block(60_000, { reason: "spam" }),
  "Notice `replaced`": ({ login }) => login("alice"),
  "Notice `forbidden`": async ({ hub, alice }) => {
    await alice.request("group.join", { group: "g1" });
    hub.authorize(() => false);
    await hub.user("alice").refresh();
  },
  "Notice `drain`": ({ hub }) => void hub.close(),
  "Notice `rate_limited`": ({ alice }) => {
    for (let count = 0; count < 4; count++) alice.send({ type: "chat", to: "bob", data: count });
  },
  "Notice `token_expiring`": () => undefined, // the token of alice is short-lived there
};

const OPTIONS: Readonly<Record<string, HubOptions>> = {
  "Notice `replaced`": { websocket: { onePerPlatform: true } },
  "Notice `rate_limited`": { limits: { messagesPerConnection: "1-M", refusalsPerConnection: "1-M" } },
};

interface Running extends RunningHub {
  readonly alice: Peer;
  readonly bob: Peer;
  login(user: string, expiresInSeconds?: number): Promise<Peer>;
}

async function start(heading: string): Promise<Running> {
  const running = await startHub({
    jwt: { secret: SECRET },
    policy: { join: "anyone", presence: "anyone" },
    ...OPTIONS[heading],
  });
  const { hub, url } = running;
  hub.authorize(({ channel }) => channel !== "group:secret");
  hub.action("sum.add", z.object({ a: z.number(), b: z.number() }), (_context, { a, b }) => ({ sum: a + b }));
  const login = async (user: string, expiresInSeconds = 60): Promise<Peer> =>
    connectPeer(url({ token: await hub.token({ user, expiresInSeconds }) }));
  const bob = await login("bob");
  if (heading.startsWith("Login")) return { ...running, bob, login, alice: new Peer(url()) };
  const alice = await login("alice", heading.includes("expiring") ? 5 : 60);
  return { ...running, alice, bob, login };
}

interface Example {
  readonly heading: string;
  readonly frames: readonly Frame[];
}

const EXAMPLES: readonly Example[] = readPage("docs/FRAMES.md")
  .text.split(/^### /m)
  .slice(1)
  .flatMap((section) => {
    const [heading = ""] = section.split("\n");
    const name = heading.replace(/: .*/, "");
    return [...section.matchAll(/^```json\n(.*?)^```$/gms)].map(([, text = ""]) => ({
      heading: name,
      frames: text
        .trim()
        .split("\n")
        .map((line): Frame => JSON.parse(line)),
    }));
  });

const isOfClient = (frame: Frame): boolean => {
  const isRequest =
    "action" in frame || ("Module" in frame && Object.keys((frame.Data ?? {}) as Frame).length === 0);
  return isRequest || (typeof frame.type === "string" && frame.type !== "pong" && !("timestamp" in frame));
};

/** Tells whether two values have the same fields and types, and frames the same names. */
function isAlike(actual: unknown, expected: unknown, field = ""): boolean {
  if (["event", "type", "code", "user", "state", "recovered", "channel"].includes(field))
    return actual === expected;
  if (Array.isArray(actual) && Array.isArray(expected)) {
    return actual.length === expected.length && actual.every((each, index) => isAlike(each, expected[index]));
  }
  if (typeof actual !== "object" || typeof expected !== "object" || !actual || !expected) {
    return typeof actual === typeof expected;
  }
  const [names, others] = [Object.keys(actual), Object.keys(expected)];
  return (
    names.toSorted().join() === others.toSorted().join() &&
    names.every((name) => isAlike((actual as Frame)[name], (expected as Frame)[name], name))
  );
}

/** Plays an example: sends the client's frames, and waits after each for the server's frames that follow it. */
async function play(peer: Peer, frames: readonly Frame[], token: string): Promise<void> {
  let from = 0;
  /** The ids of messages that stand for those of the example. */
  const ids = new Map<unknown, unknown>();
  const receive = async (what: string, matches: (frame: Frame) => boolean): Promise<void> => {
    const find = (): number => peer.frames.findIndex((frame, index) => index >= from && matches(frame));
    await eventually(what, () => find() >= 0, 15_000).catch((error) => {
      throw new Error(`${error.message}; received: ${JSON.stringify(peer.frames.slice(from))}`);
    });
    from = find() + 1;
  };
  for (const [index, frame] of frames.entries()) {
    if (!isOfClient(frame)) {
      await receive(`${JSON.stringify(frame)} comes`, (received) => isAlike(received, frame));
      ids.set(frame.id, peer.frames[from - 1]?.id);
      continue;
    }
    const text = JSON.stringify(frame).replace('"…"', `"${token}"`);
    peer.send(text.replace(/(?<="id":")[^"]+/g, (id) => String(ids.get(id) ?? id)));
    const next = frames[index + 1];
    // An example may leave out a reply.
    if (next && isOfClient(next)) await receive(`${frame.id} is answered`, ({ id }) => id === frame.id);
  }
}

describe("docs/FRAMES.md", () => {
  it.each(EXAMPLES)("shows what is sent and received: $heading", async ({ heading, frames }) => {
    const running = await start(heading);
    const { alice, hub } = running;
    const token = await hub.token({ user: "alice", expiresInSeconds: 60 });
    if (heading.startsWith("Login") && alice.socket.readyState === alice.socket.CONNECTING)
      await new Promise((resolve) => alice.socket.once("open", resolve));
    if (!frames.some(isOfClient)) {
      expect(CAUSES).toHaveProperty([heading]);
      await CAUSES[heading]?.(running);
    }
    await play(alice, frames, token);
    if (heading.startsWith("Login")) await alice.close();
  });

  it("has a section for each built-in action and each notice", () => {
    const { text } = readPage("docs/FRAMES.md");
    const protocol = readPage("docs/PROTOCOL.md").text;
    const [, notices = ""] = /^Notices: (.*?)\n\n/ms.exec(protocol) ?? [];
    const names = [...notices.matchAll(/`(\w+)` \(/g)].map(([, name = ""]) => name);
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !text.includes(`### Notice \`${name}\``))).toEqual([]);
    const actions = [...protocol.matchAll(/^\| `([a-z]+\.\w+)` \|/gm)].map(([, name = ""]) => name);
    expect(actions.length).toBeGreaterThan(8);
    expect(actions.filter((action) => !new RegExp(`^### .*\`${action}\``, "m").test(text))).toEqual([]);
  });
});
