import { once } from "node:events";
import { expect, it } from "vitest";
import { startHub } from "../../support/hub.ts";
import { connectRaw } from "../../support/raw.ts";
import { clientFrame, OPCODE } from "../../support/wire.ts";

const FRAMES = 100_000;
const frame = clientFrame({ opcode: OPCODE.binary, payload: Buffer.alloc(50) });
/** Frames in two reads of 64 KiB: one that reaches the share, and one that was on its way. */
const SHARE = Math.ceil((2 * 65_536) / frame.length);

it("a client that floods is read for a share of each turn of the event loop, and all of it is read", async () => {
  const { hub, url } = await startHub();
  let inTurn = 0;
  let most = 0;
  let read = 0;
  hub.on("binary", () => {
    if (inTurn === 0) setImmediate(() => (inTurn = 0));
    most = Math.max(most, ++inTurn);
    read++;
  });
  const peer = await connectRaw(url({ user_id: "mallory" }));
  peer.write(Buffer.concat(Array.from({ length: FRAMES }, () => frame)));
  peer.write(clientFrame({ opcode: OPCODE.close, payload: Buffer.from([0x03, 0xe8]) }));
  await peer.closed;
  expect(read).toBe(FRAMES);
  expect(most).toBeLessThanOrEqual(SHARE);
});

it("the rest of a flood that a limit has ended is dropped: the server does not wait for the close frame behind it", async () => {
  const { hub, url } = await startHub({
    limits: { whitelistCIDRs: [], messagesPerConnection: "1-H", refusalsPerConnection: "3-H" },
  });
  let read = 0;
  hub.on("binary", () => read++);
  const peer = await connectRaw(url({ user_id: "mallory" }));
  peer.answersClose = false;
  const ended = once(peer.socket, "end");
  peer.send(...Array.from({ length: 6 }, () => ({ type: "ping" })));
  const rest = Buffer.concat(Array.from({ length: FRAMES }, () => frame));
  await new Promise<unknown>((resolve) => peer.socket.write(rest, resolve));
  await ended;
  peer.socket.end();
  expect(await peer.closed).toMatchObject({ code: 4006 });
  expect(read).toBe(0);
});
