import { Writable } from "node:stream";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type RunningHub, startHub } from "../../support/hub.ts";
import { connectPeer } from "../../support/peer.ts";
import { connectRaw } from "../../support/raw.ts";
import { clientFrame, OPCODE } from "../../support/wire.ts";

interface End {
  readonly cause: string;
  readonly code: number;
}

/** A hub whose ends of connections are recorded, as the hook and as the log tell them. */
async function watchedHub(): Promise<RunningHub & { hooked: End[]; logged: End[] }> {
  const logged: End[] = [];
  const sink = new Writable({
    write(line, _encoding, done) {
      const { msg, cause, code } = JSON.parse(String(line));
      if (msg === "disconnected") logged.push({ cause, code });
      done();
    },
  });
  const running = await startHub({ logger: pino({ level: "info" }, sink) });
  const hooked: End[] = [];
  running.hub.on("disconnect", ({ cause, code }) => hooked.push({ cause, code }));
  return { ...running, hooked, logged };
}

async function countOf({ at }: RunningHub, cause: string): Promise<number> {
  const text = await (await fetch(`${at.url}/metrics`)).text();
  return Number(new RegExp(`tidings_disconnects_total{cause="${cause}"} (\\d+)`).exec(text)?.[1] ?? 0);
}

const long = Buffer.alloc(600_000, "x");

const broken: [what: string, code: number, bytes: Buffer[]][] = [
  ["reserved bits", 1002, [clientFrame({ payload: "{}", reserved: 3 })]],
  ["a frame without a mask", 1002, [clientFrame({ payload: "{}", masked: false })]],
  ["a continuation of nothing", 1002, [clientFrame({ opcode: OPCODE.continuation, payload: "{}" })]],
  ["a close code of nobody's", 1002, [clientFrame({ opcode: OPCODE.close, payload: Buffer.from([0, 1]) })]],
  ["bytes that are no UTF-8", 1007, [clientFrame({ payload: Buffer.from([0xff, 0xfe]) })]],
  ["a message in too many pieces", 1008, piecesOf(100)],
  ["a message over the limit", 1009, [clientFrame({ payload: long })]],
  ["binary data", 1003, [clientFrame({ opcode: OPCODE.binary, payload: "x" })]],
];

function piecesOf(count: number): Buffer[] {
  const piece = clientFrame({ opcode: OPCODE.continuation, fin: false, payload: "x" });
  return [clientFrame({ fin: false, payload: "x" }), ...new Array(count).fill(piece)];
}

describe("a connection that the server ends because of a broken frame", () => {
  describe.each([true, false])("and whose client answers the close: %s", (answers) => {
    it.each(broken)("counts as `protocol`: %s (%i)", async (_what, code, bytes) => {
      const running = await watchedHub();
      const peer = await connectRaw(running.url({ user_id: "bob" }));
      peer.answersClose = answers;
      peer.write(...bytes);
      if (!answers) await peer.until(() => peer.received.some(({ opcode }) => opcode === OPCODE.close));
      if (!answers) peer.socket.destroy();
      const end = { cause: "protocol", code };
      await eventually("the connection has ended", () => running.logged.length === 1);
      expect([running.hooked, running.logged]).toEqual([[end], [end]]);
      expect(await countOf(running, "protocol")).toBe(1);
      expect(await countOf(running, "lost")).toBe(0);
    });
  });
});

describe("a connection that the client ends", () => {
  it.each([1000, 1001, 1002, 1009, 3000, 4000, 4001, 4005, 4501, 4502])(
    "with the code %i counts as `client_left`",
    async (code) => {
      const running = await watchedHub();
      const peer = await connectRaw(running.url({ user_id: "bob" }));
      const payload = Buffer.from([code >> 8, code & 0xff]);
      peer.write(clientFrame({ opcode: OPCODE.close, payload }));
      await eventually("the connection has ended", () => running.logged.length === 1);
      const end = { cause: "client_left", code };
      expect([running.hooked, running.logged]).toEqual([[end], [end]]);
      expect(await countOf(running, "kicked")).toBe(0);
    },
  );

  it("without a close frame counts as `lost`", async () => {
    const running = await watchedHub();
    const peer = await connectPeer(running.url({ user_id: "bob" }));
    peer.end();
    await eventually("the connection has ended", () => running.logged.length === 1);
    expect(running.hooked).toEqual([{ cause: "lost", code: 1006 }]);
  });
});

it("a kick counts as one, also when the client's answer has another code", async () => {
  const running = await watchedHub();
  const peer = await connectRaw(running.url({ user_id: "bob" }));
  peer.answersClose = false;
  await running.hub.user("bob").kick();
  await peer.until(() => peer.received.some(({ opcode }) => opcode === OPCODE.close));
  peer.write(clientFrame({ opcode: OPCODE.close, payload: Buffer.from([3, 232]) }));
  await eventually("the connection has ended", () => running.logged.length === 1);
  expect([running.hooked, running.logged]).toEqual([
    [{ cause: "kicked", code: 4501 }],
    [{ cause: "kicked", code: 4501 }],
  ]);
});
