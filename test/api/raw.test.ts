import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { MESSAGE_FIELDS, rawData, rawElements, rawField } from "../../src/protocol/protocol.ts";
import { startHub } from "../support/hub.ts";
import { Peer } from "../support/peer.ts";

/** Texts whose numbers `JSON.parse` rounds, and texts that look like the frame around them. */
const TEXTS = [
  "738529527931269425",
  "1.10",
  "1e400",
  "-0",
  '{"n":738529527931269425,"f":[1.10,{"x":1e400}]}',
  '"},\\"data\\":{[ \\\\"',
  '{"data":[1.10,"}]"],"a\\u0022":"\\\\"}',
  '"\\u0061\\ud83d\\ude00"',
  "[]",
  "{}",
  '{"same":1.0,"same":2.0}',
];

/** The texts of the messages that a peer gets. */
async function listen(url: string): Promise<{ peer: Peer; texts: string[] }> {
  const peer = new Peer(url);
  const texts: string[] = [];
  peer.socket.on("message", (text) => texts.push(String(text)));
  onTestFinished(() => peer.end());
  await peer.frame("welcome");
  return { peer, texts };
}

const pushes = (texts: readonly string[]): string[] => texts.filter((text) => text.startsWith('{"type":"t"'));

describe("the text of data goes through untouched", () => {
  it.each(TEXTS)("from a client and by HTTP, live, in a replay and in a history: %s", async (data) => {
    const { url, at } = await startHub();
    const bob = await listen(url({ user_id: "bob" }));
    const alice = await listen(url({ user_id: "alice" }));
    const post = (path: string, body: string) => fetch(at.url + path, { method: "POST", body });
    alice.peer.send(`{ "data" : 1, "type": "t", "id": 1, "data" : ${data} , "to": "bob" }`);
    alice.peer.send(`{"id":2,"action":"message.send","data":{"to":"bob","type":"t","data":${data}}}`);
    alice.peer.send(`{"id":3,"d\\u0061ta":${data},"type":"t","to":"bob"}`);
    await alice.peer.take(3, ({ id }) => id !== undefined);
    await post("/ws/message", `{"to":"bob","type":"t","data":${data}}`);
    await post("/batch", `{"operations":[{"op":"send","to":"bob","type":"t","data":${data}}]}`);
    await bob.peer.take(5, ({ type }) => type === "t");
    const body = `"data":${data},"timestamp"`;
    for (const text of pushes(bob.texts)) expect(text).toContain(body);

    bob.peer.send('{"id":9,"action":"message.history","data":{}}');
    await bob.peer.next(({ id }) => id === 9);
    expect(bob.texts.at(-1)?.split(body)).toHaveLength(6);
    const history = await fetch(`${at.url}/history?channel=user:bob`);
    expect(history.headers.get("content-type")).toBe("application/json");
    expect((await history.text()).split(body)).toHaveLength(6);

    const again = await listen(
      url({
        user_id: "bob",
        device: "other",
        resume: JSON.stringify({ "user:bob": { epoch: epochOf(bob.peer), offset: 0 } }),
      }),
    );
    await again.peer.take(5, ({ type }) => type === "t");
    for (const text of pushes(again.texts)) expect(text).toContain(body);
  });

  it("also of fields that become the data, and over several lines", async () => {
    const { url, at } = await startHub();
    const { peer, texts } = await listen(url({ user_id: "bob" }));
    peer.send('{"type":"t","to":"bob","n":738529527931269425,"x":[1.10]}');
    peer.send('{"type":"t","to":"bob",\n"data": {\n\t"n": 1.10,\r\n\t"s": "a\\n b"\n}}');
    await fetch(`${at.url}/ws/message`, { method: "POST", body: '{"to":"bob","type":"t","n":1e400}' });
    await peer.take(3, ({ type }) => type === "t");
    const bodies = pushes(texts).map((text) => text.replace(/^.*?"data":/, "").replace(/,"timestamp".*/, ""));
    expect(bodies).toEqual([
      '{"n":738529527931269425,"x":[1.10]}',
      '{"n": 1.10,"s": "a\\n b"}',
      '{"n":1e400}',
    ]);
  });

  it("but for data that a hook replaces", async () => {
    const { hub, url } = await startHub();
    hub.on("message", ({ message }) => ({ data: { was: message.data } }));
    const { peer } = await listen(url({ user_id: "bob" }));
    peer.send('{"type":"t","to":"bob","data":1.10}');
    expect((await peer.next(({ type }) => type === "t")).data).toEqual({ was: 1.1 });
  });

  it("and no other field of the frame stays in memory with it", () => {
    const text = `{"from":"${"x".repeat(10_000)}","data":"0123456789abcdef"}`;
    expect(rawData(text, new Set(MESSAGE_FIELDS))).toBe('"0123456789abcdef"');
  });
});

const epochOf = (peer: Peer): string => {
  const position = peer.frames.find(({ event, channel }) => event === "position" && channel === "user:bob");
  return String(position?.epoch);
};

const json = fc.json({ maxDepth: 4 });

describe("rawField, rawData and rawElements", () => {
  it("find what JSON.parse finds", () => {
    const known = new Set(MESSAGE_FIELDS);
    const name = fc.oneof(fc.string(), fc.constantFrom("data", "type", "a"));
    const space = fc.constantFrom("", " ", "\n\t ");
    fc.assert(
      fc.property(fc.array(fc.tuple(name, json)), space, (fields, gap) => {
        const text = `${gap}{${gap}${fields.map(([key, value]) => `${JSON.stringify(key)}${gap}:${gap}${value}`).join(`${gap},${gap}`)}${gap}}${gap}`;
        const parsed = JSON.parse(text) as Record<string, unknown>;
        for (const [key] of fields) {
          const raw = rawField(text, key);
          expect(JSON.parse(raw ?? "")).toEqual(Object.entries(parsed).find(([each]) => each === key)?.[1]);
        }
        const others = Object.fromEntries(Object.entries(parsed).filter(([key]) => !known.has(key)));
        const expected = Object.hasOwn(parsed, "data")
          ? parsed.data
          : Object.keys(others).length > 0
            ? others
            : null;
        expect(JSON.parse(rawData(text, known))).toEqual(expected);
      }),
    );
    fc.assert(
      fc.property(fc.array(json), space, (values, gap) => {
        expect(rawElements(`${gap}[${gap}${values.join(`${gap},${gap}`)}${gap}]`)).toEqual(
          values.map((each) => each.trim()),
        );
      }),
    );
  });
});
