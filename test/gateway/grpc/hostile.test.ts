import { once } from "node:events";
import { type ClientHttp2Session, connect } from "node:http2";
import { createConnection } from "node:net";
import { Code } from "@connectrpc/connect";
import { describe, expect, it, onTestFinished } from "vitest";
import { API_KEY } from "../../support/keys.ts";
import { startGrpc } from "./client.ts";

const HEADERS = {
  ":method": "POST",
  ":path": "/tidings.v1.Tidings/Stats",
  "content-type": "application/grpc",
  "x-api-key": API_KEY,
};

function session(url: string): ClientHttp2Session {
  const opened = connect(url);
  opened.on("error", () => undefined);
  onTestFinished(() => opened.destroy());
  return opened;
}

/** What the server answers to a request in HTTP/2. */
interface Answered {
  readonly status: unknown;
  readonly rstCode: number;
}

/** Sends headers and bytes. @returns the status of gRPC, and the code with which the stream ended */
async function send(
  opened: ClientHttp2Session,
  headers: Record<string, string>,
  body?: Buffer,
): Promise<Answered> {
  const stream = opened.request({ ...HEADERS, ...headers });
  let status: unknown;
  const take = (fields: Record<string, unknown>): void => {
    status = fields["grpc-status"] ?? status;
  };
  stream
    .on("response", take)
    .on("trailers", take)
    .on("error", () => undefined)
    .resume();
  stream.end(body);
  await new Promise((resolve) => stream.once("close", resolve));
  return { status, rstCode: stream.rstCode ?? 0 };
}

/** A message of gRPC: a flag, the length, and the bytes. */
function frame(bytes: Buffer, { flag = 0, length = bytes.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flag);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}

describe("a hostile client of gRPC", () => {
  it("ends at most its own call, whatever bytes it sends", async () => {
    const { url, client } = await startGrpc();
    const opened = session(url);
    const bodies = [
      Buffer.alloc(0),
      Buffer.from("x"),
      frame(Buffer.from([0xff, 0xff, 0xff])),
      frame(Buffer.from("abc"), { length: 100 }),
      frame(Buffer.alloc(0), { length: 0xffffffff }),
      frame(Buffer.from([1, 2, 3]), { flag: 1 }),
      frame(Buffer.from([1, 2, 3]), { flag: 255 }),
      Buffer.concat([frame(Buffer.alloc(0)), frame(Buffer.alloc(0))]),
    ];
    for (const body of bodies) {
      const { status, rstCode } = await send(opened, {}, body);
      expect(status === undefined ? rstCode : Number(status), body.toString("hex")).not.toBe(0);
    }
    await client.call("Stats");
  });

  it("ends at most its own call, whatever headers it sends", async () => {
    const { url, client } = await startGrpc();
    const opened = session(url);
    const empty = frame(Buffer.alloc(0));
    const headers: Record<string, string>[] = [
      { ":authority": "[" },
      { ":authority": "a b" },
      { ":authority": "a:b@c" },
      { ":path": "/" },
      { ":path": "/tidings.v1.Tidings/__proto__" },
      { ":path": "//x/y" },
      { ":method": "GET" },
      { "content-type": "text/plain" },
      { "content-type": "application/grpc+json2" },
      { "grpc-timeout": "never" },
      { "grpc-timeout": "0n" },
      { "grpc-encoding": "gzip" },
      { "x-forwarded-for": "%" },
      { "x-api-key": "ü" },
    ];
    for (const each of headers) {
      const { status, rstCode } = await send(opened, each, empty);
      const isRefused = rstCode !== 0 || status === undefined || Number(status) > 0;
      const isHarmless = "x-forwarded-for" in each || each[":authority"] === "a:b@c";
      expect(isRefused || isHarmless, JSON.stringify(each)).toBe(true);
      await client.call("Stats");
    }
  });

  it("gets RESOURCE_EXHAUSTED for a message that is too long, and the batch has room for eight of the longest", async () => {
    const { client } = await startGrpc({ websocket: { maxMessageSize: 1_000 } });
    const dataJson = `"${"x".repeat(1_100)}"`;
    const call = client.call("Broadcast", { type: "x", dataJson });
    await expect(call).rejects.toMatchObject({ code: Code.ResourceExhausted });
    const value = { type: "x", dataJson: `"${"x".repeat(800)}"` };
    const operations = Array.from({ length: 8 }, () => ({ op: { case: "broadcast", value } }));
    const { results } = await client.call("RunBatch", { operations });
    expect(results).toHaveLength(8);
  });

  it("does no harm by bytes that are no HTTP/2", async () => {
    const { url, client } = await startGrpc();
    for (const text of ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\0".repeat(1_000)]) {
      const socket = createConnection(Number(new URL(url).port), "127.0.0.1");
      onTestFinished(() => void socket.destroy());
      socket.on("error", () => undefined).resume();
      socket.write(text);
      await once(socket, "close");
    }
    await client.call("Stats");
  });
});
