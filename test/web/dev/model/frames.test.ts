import { describe, expect, it } from "vitest";
import {
  EVERY_FRAME,
  FilteredFrames,
  FrameLog,
  framesAsText,
  indentJson,
} from "../../../../web/dev/model/frames/frames.ts";

/** Adds frames to a log: `>` is sent, `<` is received. */
function logOf(...lines: string[]): FrameLog {
  const log = new FrameLog();
  for (const line of lines) {
    if (line.startsWith(">")) log.sent(line.slice(1));
    else log.received(line.slice(1));
  }
  return log;
}

const summaries = ({ frames }: FrameLog): string[] =>
  frames.map(({ direction, kind, name, channel, offset }) =>
    [direction, kind, name, channel, offset].filter((part) => part !== undefined && part !== "").join(" "),
  );

describe("a frame", () => {
  it("has the kind, name, channel and offset of the protocol", () => {
    const log = logOf(
      '>{"id":1,"action":"robot.login","data":{"user_id":"alice"}}',
      '<{"event":"welcome","protocol":"tidings.v1","connection":"c1","user":"alice"}',
      '<{"event":"position","channel":"user:alice","epoch":"e1","offset":4,"recovered":true}',
      '<{"id":1,"data":{"user":"alice"}}',
      '<{"type":"chat","data":"Hello","from":"bob","to":"alice","id":"m1","offset":5}',
      '>{"id":2,"action":"message.ack","data":{"channel":"user:alice","epoch":"e1","offset":5}}',
      '<{"id":2,"data":{"offset":5}}',
      '>{"id":3,"type":"chat","data":"Hi","group":"crew"}',
      '<{"id":3,"data":{"state":"delivered","id":"m2","epoch":"e2","offset":9}}',
      '>{"id":4,"action":"order.place","data":{}}',
      '<{"id":4,"error":{"code":"forbidden","message":"no"}}',
      '<{"event":"presence","user":"bob","online":true}',
      '<{"event":"notice","code":"drain","message":"closing"}',
      '<{"event":"room","group":"crew","count":1,"changes":[]}',
      '>{"type":"ping"}',
      '<{"type":"pong"}',
      "<not JSON",
      "<[1]",
      '<{"event":"later","x":1}',
      '<{"event":"acked","id":"m2","to":"bob","epoch":"e2","offset":9}',
    );
    expect(summaries(log)).toEqual([
      "out login robot.login",
      "in welcome alice",
      "in position user:alice 4",
      "in reply robot.login",
      "in message chat user:alice 5",
      "out ack message.ack user:alice 5",
      "in reply message.ack user:alice 5",
      "out message chat group:crew",
      "in receipt chat · delivered group:crew 9",
      "out request order.place",
      "in error forbidden · order.place",
      "in presence bob",
      "in notice drain",
      "in room group:crew",
      "out ping",
      "in pong",
      "in unknown",
      "in unknown",
      "in later",
      "in acked user:bob 9",
    ]);
  });

  it("has its size in bytes of UTF-8", () => {
    expect(logOf('<{"type":"é","data":"👩‍🚀"}').frames[0]?.bytes).toBe(
      Buffer.byteLength('{"type":"é","data":"👩‍🚀"}'),
    );
  });

  it("of a login shows no token, and of a connection no query", () => {
    const log = logOf('>{"id":1,"action":"robot.login","data":{"token":"se\\"cret","platform":"web"}}');
    log.opened("ws://127.0.0.1:8080/ws?token=secret");
    expect(framesAsText(log.frames)).not.toContain("cret");
    expect(log.frames[0]?.text).toBe('{"id":1,"action":"robot.login","data":{"token":"…","platform":"web"}}');
  });
});

describe("the log", () => {
  it("keeps 2,000 frames, and 64 KiB of each", () => {
    const log = new FrameLog();
    for (let index = 0; index < 10_000; index++) log.received(`{"type":"t","data":${index},"id":"m"}`);
    expect(log.frames.length).toBeLessThanOrEqual(2_200);
    expect(log.frames.at(-1)?.text).toContain("9999");
    log.received(`{"type":"t","data":"${"x".repeat(500_000)}","id":"m"}`);
    expect(log.frames.at(-1)).toMatchObject({ isCut: true, bytes: 500_031 });
    expect(log.frames.at(-1)?.text.length).toBe(65_536);
  });

  it("keeps 4 MiB of all frames", () => {
    const log = new FrameLog();
    for (let index = 0; index < 200; index++) log.received(`{"type":"t","data":"${"x".repeat(60_000)}"}`);
    const characters = log.frames.reduce((sum, { text }) => sum + text.length, 0);
    expect(characters).toBeLessThanOrEqual(4 * 1_024 * 1_024);
    expect(log.frames.length).toBeGreaterThan(50);
  });

  it("follows epochs, offsets and cursors by channel", () => {
    const log = logOf(
      '<{"event":"position","channel":"user:alice","epoch":"e1","offset":4,"recovered":false}',
      '<{"type":"chat","data":1,"to":"alice","id":"m1","offset":6}',
      '<{"type":"chat","data":1,"to":"alice","id":"m0","offset":5}',
      '>{"id":2,"action":"message.ack","data":{"channel":"user:alice","epoch":"e1","offset":5}}',
      '<{"id":2,"data":{"offset":5}}',
      '>{"id":3,"type":"chat","data":1,"to":"bob"}',
      '<{"id":3,"data":{"state":"stored","id":"m2","epoch":"e2","offset":9}}',
      '<{"event":"position","channel":"all","epoch":"e3","offset":7,"recovered":true,"missed":true}',
    );
    expect(log.channels.rows).toEqual([
      { channel: "user:alice", epoch: "e1", received: 6, cursor: 5, recovered: false },
      { channel: "user:bob", epoch: "e2", sent: 9 },
      { channel: "all", epoch: "e3", recovered: true },
    ]);
  });

  it("knows the requests without a reply, until the connection ends", () => {
    const log = logOf(
      '>{"id":1,"action":"a.b","data":{}}',
      '>{"id":2,"type":"chat","data":1,"to":"bob"}',
      '<{"id":1,"data":{}}',
    );
    expect(log.calls.open).toMatchObject([{ id: 2, kind: "message", name: "chat", channel: "user:bob" }]);
    log.closed(1006, "");
    expect(log.calls.open).toEqual([]);
    expect(log.frames.at(-1)).toMatchObject({ direction: "link", kind: "close", name: "1006" });
  });

  it("bounds channels, requests and names that a peer chooses", () => {
    const log = new FrameLog();
    for (let index = 0; index < 3_000; index++) {
      log.received(
        `{"event":"position","channel":"group:g${index}","epoch":"e","offset":1,"recovered":true}`,
      );
      log.sent(`{"id":${index},"action":"a.b","data":{}}`);
    }
    log.received(`{"event":"${"e".repeat(5_000)}"}`);
    expect(log.channels.rows.length).toBe(500);
    expect(log.calls.open.length).toBe(1_000);
    expect(log.frames.at(-1)?.kind.length).toBeLessThan(400);
  });
});

describe("a filter", () => {
  const log = logOf(
    '>{"id":1,"type":"chat","data":"Hello","group":"crew"}',
    '<{"type":"chat","data":"Aye","group":"crew","id":"m","offset":1}',
    '<{"type":"order","data":7,"to":"alice","id":"m","offset":1}',
    '>{"type":"ping"}',
  );
  it.each([
    [{}, 3],
    [{ pings: true }, 4],
    [{ kind: "ping" }, 1],
    [{ direction: "out" as const }, 1],
    [{ kind: "message" }, 3],
    [{ channel: " Group:CREW" }, 2],
    [{ text: "aye" }, 1],
    [{ text: "order" }, 1],
    [{ channel: "crew", direction: "in" as const, text: "hello" }, 0],
  ])("%j", (filter, count) => {
    expect(new FilteredFrames().update(log.frames, { ...EVERY_FRAME, ...filter })).toHaveLength(count);
  });

  it("follows the log, forgets what the log has removed, and returns the same list while nothing changes", () => {
    const growing = new FrameLog();
    const filtered = new FilteredFrames();
    const filter = { ...EVERY_FRAME, text: "even" };
    for (let index = 0; index < 5_000; index++) {
      growing.received(`{"type":"${index % 2 ? "odd" : "even"}","data":${index},"id":"m"}`);
      if (index % 700 === 0) filtered.update(growing.frames, filter);
    }
    const shown = filtered.update(growing.frames, filter);
    expect(shown).toEqual(growing.frames.filter(({ name }) => name === "even"));
    expect(filtered.update(growing.frames, filter)).toBe(shown);
    growing.clear();
    expect(filtered.update(growing.frames, filter)).toEqual([]);
    growing.received('{"type":"even","data":1,"id":"m"}');
    expect(filtered.update(growing.frames, filter)).toHaveLength(1);
  });
});

describe("indented JSON", () => {
  it("keeps numbers and strings as they were written", () => {
    expect(
      indentJson('{"n":738529527931269425,"x":1.10,"s":"a\\"b{,","e":{},"l":[],"m":[1,{"k":null}]}'),
    ).toBe(
      [
        "{",
        '  "n": 738529527931269425,',
        '  "x": 1.10,',
        '  "s": "a\\"b{,",',
        '  "e": {},',
        '  "l": [],',
        '  "m": [',
        "    1,",
        "    {",
        '      "k": null',
        "    }",
        "  ]",
        "}",
      ].join("\n"),
    );
  });

  it("takes what is cut, deep, or no JSON", () => {
    expect(indentJson('{"a":"cut')).toBe('{\n  "a": "cut');
    expect(indentJson("going away")).toBe("going away");
    expect(indentJson("[".repeat(2_000)).length).toBeLessThan(100_000);
    expect(indentJson("]]}{")).toContain("{");
  });
});
