import fc from "fast-check";
import { upgradeRequest } from "../../support/raw.ts";
import { clientFrame, textFrame } from "../../support/wire.ts";
import { bad, badText, json } from "./spoil.ts";

const POSITION = { epoch: "e", offset: 1 };

/** What a client says after its upgrade, each right in itself. */
const SAID: readonly object[] = [
  { id: 1, action: "robot.login", data: { resume: { all: POSITION } } },
  { id: 1, action: "robot.login", data: { user_id: "al", device: "d" } },
  {
    id: 1,
    action: "robot.login",
    data: { user_id: "al", platform: "web", device: "d", resume: { all: POSITION } },
  },
  {
    id: 1,
    action: "robot.login",
    data: { token: "a.b.c", resume: { "user:al": POSITION, "group:g": POSITION } },
  },
  { Module: "robot", Action: "Login", Id: 1, Data: { user_id: "al", resume: { "group:g": POSITION } } },
  { id: 2, action: "robot.heartBeat" },
  { id: 2, action: "robot.ping", data: { any: [1, "thing"] } },
  { id: 3, action: "group.join", data: { group: "g", position: POSITION } },
  { id: 3, action: "group.leave", data: { group: "g" } },
  { id: 3, action: "group.members", data: { group: "g" } },
  { id: 4, action: "message.send", data: { type: "n", to: "bo", data: { a: 1 }, key: "k" } },
  { id: 4, type: "n", to: "bo", data: "hello", key: "k", ack: true, timeoutMs: 1 },
  { type: "n", group: "g", data: 1, ephemeral: true },
  { type: "img", url: "https://example.com/cat.png" },
  { id: 5, action: "message.ack", data: { offset: 1, channel: "user:al", epoch: "e" } },
  { id: 6, action: "message.history", data: { channel: "user:al", before: 9, limit: 5 } },
  { id: 6, action: "message.resume", data: { channel: "all", epoch: "e", offset: 1 } },
  { id: 7, action: "presence.get", data: { users: ["al", "bo"] } },
  { id: 7, action: "presence.watch", data: { users: ["al"] } },
  { type: "ping" },
];

/** The first ones of {@link SAID} are logins. */
const LOGINS = 5;

const text: fc.Arbitrary<string> = fc.oneof(fc.constantFrom(...SAID).chain(json), badText);

/** Frames: texts, in one piece or many, and every other kind, right or wrong in any field of the header. */
const frame: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 6, arbitrary: text.map(textFrame) },
  { weight: 1, arbitrary: fc.array(text, { maxLength: 40 }).map((all) => Buffer.concat(all.map(textFrame))) },
  {
    weight: 2,
    arbitrary: fc
      .record(
        {
          payload: fc.oneof(text, fc.uint8Array({ maxLength: 200 })),
          opcode: fc.nat(15),
          fin: fc.boolean(),
          reserved: fc.nat(7),
          masked: fc.boolean(),
          claims: fc.oneof(fc.nat(200), fc.constantFrom(65_535, 2 ** 31, 2n ** 63n - 1n, 2n ** 64n - 1n)),
        },
        { requiredKeys: [] },
      )
      .map(clientFrame),
  },
  { weight: 1, arbitrary: fc.constantFrom(1000, 1005, 4501, 0, 65_535).map(closeFrame) },
);

function closeFrame(code: number): Buffer {
  const payload = Buffer.alloc(code === 0 ? 1 : 200, "€");
  if (code !== 0) payload.writeUInt16BE(code);
  return clientFrame({ opcode: 8, payload });
}

/** An upgrade without a mistake: what follows it is reached. */
const entry = (query: string): fc.Arbitrary<Buffer> =>
  fc.constant(Buffer.from(upgradeRequest(`http://127.0.0.1/ws?${query}`)));

const login: fc.Arbitrary<Buffer> = fc
  .constantFrom(...SAID.slice(0, LOGINS))
  .chain(json)
  .map(textFrame);

const PARAMETERS = ["token", "user_id", "platform", "device", "resume", "x"];

const query: fc.Arbitrary<string> = fc
  .record({
    user_id: fc.option(fc.oneof({ weight: 4, arbitrary: fc.constant("al") }, badText), { nil: undefined }),
    resume: fc.option(json({ all: POSITION, "group:g": POSITION }), { nil: undefined }),
    others: fc.dictionary(fc.constantFrom(...PARAMETERS), badText, { maxKeys: 1 }),
  })
  .map(({ user_id, resume, others }) => {
    const known = Object.entries({ user_id, resume }).filter(
      (entry): entry is [string, string] => !!entry[1],
    );
    return String(new URLSearchParams([...known, ...Object.entries(others)]));
  });

const HEADERS: Record<string, readonly string[]> = {
  Connection: ["close", "Upgrade, HTTP2-Settings", "keep-alive", ""],
  Upgrade: ["h2c", "websocket, h2c", "x", ""],
  "HTTP2-Settings": ["AAMAAABkAAQAoAAAAAIAAAAA"],
  "Sec-WebSocket-Version": ["7", "x", ""],
  "Sec-WebSocket-Key": ["x", "", "AAAAAAAAAAAAAAAAAAAAAA=="],
  "Sec-WebSocket-Extensions": [
    "permessage-deflate; server_max_window_bits=99",
    "permessage-deflate",
    ";;",
    "x".repeat(9_000),
  ],
  "Sec-WebSocket-Protocol": ["tidings.v1", ",", "x".repeat(5_000)],
  Authorization: ["Bearer a.b.c", "Bearer ", `Bearer ${"x".repeat(9_000)}`, "Basic Og==", "Bearer \u00ff"],
  Cookie: ["a=b", "x".repeat(9_000)],
  Origin: ["null", "http://evil.example", "\u00ff"],
  Host: ["", "example.com", "[::", "127.0.0.1:x"],
  "Content-Length": ["5", "-1", "x", "99999999999999999999"],
  "Transfer-Encoding": ["chunked", "x", "chunked, gzip"],
  Expect: ["100-continue", "x"],
  "X-Forwarded-For": ["1.2.3.4"],
};

const headers: fc.Arbitrary<Record<string, string>> = fc
  .uniqueArray(fc.constantFrom(...Object.keys(HEADERS)), { maxLength: 3 })
  .chain((names) =>
    fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), fc.constantFrom(...(HEADERS[name] ?? []))))),
  )
  .map((entries) => Object.fromEntries(entries));

const path = fc.oneof(
  { weight: 5, arbitrary: fc.constant("/ws") },
  fc.constantFrom("/", "/elsewhere", "/ws/", "/%", "*"),
);

const upgrade: fc.Arbitrary<Buffer> = fc
  .record({ path, query, headers: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, headers) })
  .map(({ path, query, headers }) => {
    const request = upgradeRequest(`http://127.0.0.1/ws?${query}`, headers);
    return Buffer.from(request.replace("GET /ws", `GET ${path}`), "latin1");
  });

const TARGETS: readonly (readonly [method: string, path: string, body?: object])[] = [
  ["GET", "/health"],
  ["GET", "/ready"],
  ["GET", "/metrics"],
  ["GET", "/openapi.json"],
  ["GET", "/users?limit=5&cursor=x"],
  ["GET", "/history?channel=user:al&limit=5"],
  ["GET", "/users/al/connections"],
  ["POST", "/ws/message", { to: "bo", type: "n", data: 1, key: "k" }],
  ["POST", "/ws/broadcast", { type: "n", data: 1, platforms: ["web"], except: ["x"] }],
  ["POST", "/users/al/kick", { reason: "x", platform: "ios", notice: { a: 1 } }],
  ["POST", "/groups/g/send", { type: "n", data: 1 }],
  ["POST", "/groups/g/members", { user: "al" }],
  ["DELETE", "/groups/g/members/al"],
  ["POST", "/tokens", { user: "al", expiresInSeconds: 1 }],
  ["CONNECT", "example.com:443"],
  ["OPTIONS", "*"],
];

const http: fc.Arbitrary<Buffer> = fc
  .constantFrom(...TARGETS)
  .chain(([method, target, body]) =>
    fc.record({
      method: fc.oneof({ weight: 8, arbitrary: fc.constant(method) }, fc.constantFrom("PUT", "HEAD", "x")),
      target: fc.oneof(
        { weight: 4, arbitrary: fc.constant(target) },
        badText.map((value) => target.replace(/al|\bg\b|x/, encodeURIComponent(value.toWellFormed()))),
        badText.map((value) => `/${value}`),
      ),
      headers: fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, headers),
      body: body === undefined ? fc.constant("") : json(body),
      extra: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: -20, max: 20 })),
    }),
  )
  .map(({ method, target, headers, body, extra }) => {
    const bytes = Buffer.from(body);
    const all: Record<string, string> = {
      Host: "127.0.0.1",
      "Content-Type": "application/json",
      "Content-Length": String(Math.max(0, bytes.length + extra)),
      ...headers,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.concat([
      Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1"),
      bytes,
    ]);
  });

/** What is neither HTTP nor WebSocket. */
const noise: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .constantFrom(
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\x16\x03\x01\x02\0\x01\0",
      "GET ",
      "\r\n",
      "GET /ws HTTP/9.9\r\n\r\n",
    )
    .map((line) => Buffer.from(line, "latin1")),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  bad.map((value) => Buffer.from(JSON.stringify(value) ?? "")),
);

/** The bytes of one connection, in the pieces in which they are written. */
export const conversation: fc.Arbitrary<Buffer[]> = fc.oneof(
  { weight: 3, arbitrary: opened(upgrade) },
  { weight: 3, arbitrary: opened(entry("user_id=al")) },
  { weight: 4, arbitrary: fc.tuple(entry(""), login, frame) },
  { weight: 3, arbitrary: fc.array(http, { minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.tuple(http, upgrade, frame) },
  { weight: 1, arbitrary: fc.array(noise, { minLength: 1, maxLength: 3 }) },
);

function opened(first: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer[]> {
  return fc.tuple(first, fc.array(frame, { maxLength: 8 })).map(([upgrade, frames]) => [upgrade, ...frames]);
}
