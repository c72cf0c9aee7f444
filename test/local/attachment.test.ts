import { describe, expect, it } from "vitest";
import { Attachment, type ByteStream, Local, type Transport } from "../../src/local/local.ts";

class Login extends Attachment {
  expiresAt = 0;
}

class Work extends Attachment {
  inFlight = 0;
}

const stream: ByteStream = {
  write: () => true,
  cork: () => undefined,
  uncork: () => undefined,
  writableLength: 0,
  bytesRead: 0,
  readableLength: 0,
};

const transport: Transport = {
  stream,
  deflate: false,
  isPaused: false,
  close: () => undefined,
  terminate: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};

const local = new Local({
  shardCount: 1,
  shardsPerTurn: 1,
  outbox: { messages: 1, bytes: 1, socketBytes: 1, policy: "drop", waitMs: 1 },
  heartbeat: { intervalMs: 1_000, timeoutMs: 1_000, writeTimeoutMs: 1_000, ping: false, shardsPerStep: 1 },
  compression: { level: 1, threshold: 1 },
});

const connect = (id: string) =>
  local.connection(
    { id, user: "alice", platform: "web", device: "web", node: "n", connectedAt: 1 },
    transport,
  );

describe("an attachment", () => {
  it("is made once per connection and class, at first use", () => {
    const connection = connect("one");
    expect(connection.attachment(Login)).toBeUndefined();
    const login = connection.attached(Login);
    const work = connection.attached(Work);
    login.expiresAt = 7;
    work.inFlight = 1;
    expect(connection.attached(Login)).toBe(login);
    expect(connection.attachment(Work)).toBe(work);
    expect(connect("two").attached(Login).expiresAt).toBe(0);
  });
});
