import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readUpgrade } from "../../../src/gateway/upgrade/upgrade-request.ts";

const OFFER = ["Host: localhost", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";

const request = (lines: readonly string[], target = "/ws?user_id=alice", version = "HTTP/1.1"): string =>
  `${[`GET ${target} ${version}`, ...lines].join("\r\n")}\r\n\r\n`;

/** As Chromium sends it. */
const CHROMIUM = request(
  [
    "Host: localhost:8080",
    "Connection: Upgrade",
    "Pragma: no-cache",
    "Cache-Control: no-cache",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Upgrade: websocket",
    "Origin: http://localhost:8080",
    "Sec-WebSocket-Version: 13",
    "Accept-Encoding: gzip, deflate, br, zstd",
    "Accept-Language: en-US,en;q=0.9",
    "Cookie: a=b; c=d",
    KEY,
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
  ],
  "/ws?resume=%7B%7D&token=a.b.c#x",
);

const read = (text: string): ReturnType<typeof readUpgrade> =>
  readUpgrade(Buffer.from(text, "latin1"), {} as Socket); // only passed on

describe("an upgrade request is read", () => {
  let server: Server;
  beforeAll(async () => {
    server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterAll(() => server.close());

  it.each([
    ["of Chromium", CHROMIUM],
    ["with the least", request([...OFFER, KEY])],
    ["with a list of options", request(["connection: keep-alive, UpGrade", "HOST:a", "upgrade:WebSocket"])],
    [
      "with spaces and tabs around values",
      request([...OFFER, "X-One: \t a \t b \t ", "X-Two:", "X-Three: "]),
    ],
    ["with signs in names", request([...OFFER, "!#$%&'*+-.^_`|~9: x"])],
    ["with frames behind it", `${request(OFFER)}\x81\x85\r\n\r\n1`],
    ["with a strange target", request(OFFER, "//ws/../?a=%zz&&=#?")],
  ])("as Node reads it: %s", async (_what, text) => {
    const { port } = server.address() as AddressInfo; // of a TCP server
    const client = connect(port, "127.0.0.1").on("error", () => undefined);
    client.write(text, "latin1");
    const [node, , head] = (await once(server, "upgrade")) as [IncomingMessage, Socket, Buffer];
    const own = read(text);
    expect(own?.request.headers).toEqual(node.headers);
    expect(own?.request).toMatchObject({
      url: node.url,
      method: node.method,
      httpVersion: node.httpVersion,
    });
    expect(own?.head).toEqual(head);
    client.destroy();
    node.socket.destroy();
  });
});

describe("a request is left to Node", () => {
  it.each([
    ["without an end", CHROMIUM.slice(0, -2)],
    ["of another method", CHROMIUM.replace("GET", "POST")],
    ["of HTTP/1.0", request(OFFER, "/ws", "HTTP/1.0")],
    ["in absolute form", request(OFFER, "http://localhost/ws")],
    ["without an offer", request(["Host: localhost"])],
    ["with another offer", request(["Host: localhost", "Connection: Upgrade", "Upgrade: h2c"])],
    [
      "whose offer is no option of the connection",
      request(["Host: a", "Connection: upgraded", "Upgrade: websocket"]),
    ],
    ["without a host", request(OFFER.slice(1))],
    ["with a field twice", request([...OFFER, "Cookie: a=b", "cookie: c=d"])],
    ["with a field of every object", request([...OFFER, "__proto__: x"])],
    ["with a method of every object", request([...OFFER, "constructor: x"])],
    ["with a body", request([...OFFER, "Content-Length: 5"])],
    ["with chunks", request([...OFFER, "Transfer-Encoding: chunked"])],
    ["that expects an answer", request([...OFFER, "Expect: 100-continue"])],
    ["with a folded field", request([...OFFER, "X-One: a", " b"])],
    ["with a space before the colon", request([...OFFER, "X-One : a"])],
    ["with a field without a name", request([...OFFER, ": a"])],
    ["with a field without a colon", request([...OFFER, "X-One"])],
    ["with a control character", request([...OFFER, "X-One: a\0b"])],
    ["with a bare line feed", request([...OFFER, "X-One: a\nX-Two: b"])],
    ["with a bare carriage return", request([...OFFER, "X-One: a\rX-Two: b"])],
    ["beyond ASCII", request([...OFFER, "X-One: \xe4"])],
    ["with a space in its target", request(OFFER, "/ws a")],
    ["with a long head", request([...OFFER, `X-One: ${"a".repeat(8_192)}`])],
    ["behind an empty line", `\r\n${CHROMIUM}`],
  ])("%s", (_what, text) => {
    expect(read(text)).toBeUndefined();
  });
});
