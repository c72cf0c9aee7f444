import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { handshake, socketSettings } from "../../src/gateway/socket/handshake.ts";
import { deflateFrame, HUFFMAN_ONLY, textFrame } from "../../src/local/frame.ts";
import { type Connection, Local } from "../../src/local/local.ts";

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** The level of a hub, unless it has another. */
const COMPRESSION = { level: HUFFMAN_ONLY, threshold: 0 };
const FIRST_BITS = 0xf0;
const TEXT = 0x1;
const BINARY = 0x2;

export interface EchoServer extends AsyncDisposable {
  readonly url: string;
}

export interface EchoOptions {
  /** Offer permessage-deflate, and compress every message. */
  readonly deflate: boolean;
  /** Keep the budgets of fragments and unfinished frames. @default true */
  readonly budgets?: boolean;
}

/** Sends back every message, by the gateway's own handshake and transport and the send queue of a node. */
export async function startEchoServer({ deflate, budgets = true }: EchoOptions): Promise<EchoServer> {
  const { limits, closeTimeoutMs } = socketSettings(MAX_MESSAGE_BYTES);
  const unbounded = { bytes: MAX_MESSAGE_BYTES, fragments: Infinity, pieces: Infinity };
  const handshakes = {
    settings: { limits: budgets ? limits : unbounded, closeTimeoutMs },
    deflate,
    fitsAnyWindow: true,
    refuse: ({ stream }: { readonly stream: Duplex }) => void stream.destroy(),
  };
  const local = makeLocal();
  const server = createServer();
  const open = new Set<Socket>();
  server.on("upgrade", (request, stream: Socket, head) => {
    open.add(stream.once("close", () => open.delete(stream)).on("error", () => stream.destroy()));
    const asked = { id: "", url: "/", headers: {}, address: "" };
    const upgrade = { request, stream, head, asked, isAlone: true };
    void handshake(handshakes, upgrade, async ({ socket }) => {
      const connection = local.connection(identity(open.size), socket);
      socket.listen({
        received: () => undefined,
        text: (text) => echo(connection, textFrame(text)),
        binary: (bytes) => echo(connection, binaryFrame(bytes), BINARY),
        closed: () => connection.closed(),
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // of a server that listens to a port
  return {
    url: `ws://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      local.stop();
    },
  };
}

function echo(connection: Connection, frame: Buffer, opcode = TEXT): void {
  const sent = connection.deflate ? deflateFrame(frame, COMPRESSION) : frame;
  sent[0] = ((sent[0] ?? 0) & FIRST_BITS) | opcode;
  connection.enqueueAnyway(sent);
}

/** The frame of a text of as many bytes, with other content: the hub itself sends texts only. */
function binaryFrame(bytes: Buffer): Buffer {
  const frame = textFrame(" ".repeat(bytes.length));
  bytes.copy(frame, frame.length - bytes.length);
  return frame;
}

const identity = (n: number) => ({
  id: `echo-${n}`,
  user: `user-${n}`,
  platform: "web",
  device: "web",
  node: "echo",
  connectedAt: Date.now(),
});

const makeLocal = (): Local =>
  new Local({
    shardCount: 4,
    shardsPerTurn: 4,
    outbox: { messages: 256, bytes: 4_194_304, socketBytes: 1_024, policy: "drop", waitMs: 50 },
    heartbeat: {
      intervalMs: 600_000,
      timeoutMs: 600_000,
      writeTimeoutMs: 600_000,
      ping: false,
      shardsPerStep: 4,
    },
    compression: COMPRESSION,
  });
