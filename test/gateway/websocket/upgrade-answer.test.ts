import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { answerTo } from "../../../src/gateway/websocket/websocket.ts";

/** The request of RFC 6455 section 1.3. */
const HEADERS = {
  upgrade: "websocket",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  "sec-websocket-version": "13",
};

const answer = (
  headers: Record<string, string | undefined> = {},
  { method = "GET", deflate = true, fitsAnyWindow = false } = {},
) =>
  answerTo({ method, headers: { ...HEADERS, ...headers } } as unknown as IncomingMessage, {
    protocol: "tidings.v1",
    deflate,
    fitsAnyWindow,
  });

describe("the answer to an upgrade request", () => {
  it("is that of RFC 6455", () => {
    expect(answer()).toEqual({
      head:
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
      deflate: undefined,
    });
  });

  it.each([
    ["tidings.v1", true],
    ["chat, tidings.v1", true],
    ["chat", false],
    ["tidings.v10", false],
  ])("to the subprotocols %s selects its own: %s", (offered, selects) => {
    const { head } = { head: "", ...answer({ "sec-websocket-protocol": offered }) };
    expect(head.includes("Sec-WebSocket-Protocol: tidings.v1\r\n")).toBe(selects);
  });

  it("agrees to permessage-deflate where the server offers it", () => {
    const offer = { "sec-websocket-extensions": "permessage-deflate; client_max_window_bits" };
    expect(answer(offer)).toMatchObject({
      deflate: { canDeflate: true },
      head: expect.stringContaining(
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n",
      ),
    });
    expect(answer(offer, { deflate: false })).toMatchObject({ deflate: undefined });
  });

  it("agrees to a small window, and compresses for it where frames fit any", () => {
    const small = "permessage-deflate; server_max_window_bits=9";
    const offer = { "sec-websocket-extensions": small };
    expect(answer(offer)).toMatchObject({
      deflate: { canDeflate: false },
      head: expect.stringContaining("server_max_window_bits=9\r\n"),
    });
    expect(answer(offer, { fitsAnyWindow: true })).toMatchObject({ deflate: { canDeflate: true } });
    const both = answer({ "sec-websocket-extensions": `${small}, permessage-deflate` });
    expect(both).toMatchObject({
      deflate: { canDeflate: true },
      head: expect.not.stringContaining("server_max_window_bits"),
    });
  });
});

describe("a request that is no valid handshake", () => {
  it.each<[what: string, headers: Record<string, string | undefined>, error: string]>([
    ["upgrades to nothing", { upgrade: undefined }, "Invalid Upgrade header"],
    ["upgrades to h2c", { upgrade: "h2c" }, "Invalid Upgrade header"],
    ["has no key", { "sec-websocket-key": undefined }, "Missing or invalid Sec-WebSocket-Key header"],
    ["has a short key", { "sec-websocket-key": "x==" }, "Missing or invalid Sec-WebSocket-Key header"],
    ["names a protocol twice", { "sec-websocket-protocol": "a, a" }, "Invalid Sec-WebSocket-Protocol header"],
    [
      "names an empty protocol",
      { "sec-websocket-protocol": "a,,b" },
      "Invalid Sec-WebSocket-Protocol header",
    ],
    ["has two names in one", { "sec-websocket-protocol": "a b" }, "Invalid Sec-WebSocket-Protocol header"],
  ])("because it %s is told so", (_what, headers, error) => {
    expect(answer(headers)).toEqual({ error, headers: {} });
  });

  it("is told the version that would be valid", () => {
    expect(answer({ "sec-websocket-version": "12" })).toEqual({
      error: "Missing or invalid Sec-WebSocket-Version header",
      headers: { "sec-websocket-version": "13" },
    });
    expect(answer({ "sec-websocket-version": "8" })).not.toHaveProperty("error");
  });

  it("is not a GET", () => {
    expect(answer({}, { method: "POST" })).toEqual({ error: "Invalid HTTP method", headers: {} });
  });
});
