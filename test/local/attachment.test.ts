import { describe, expect, it } from "vitest";
import { Attachment } from "../../src/local/local.ts";
import { connectionOf, localWith } from "./idle-sockets.ts";

class Login extends Attachment {
  expiresAt = 0;
}

class Work extends Attachment {
  inFlight = 0;
}

const HEARTBEAT = {
  intervalMs: 1_000,
  timeoutMs: 1_000,
  writeTimeoutMs: 1_000,
  ping: false,
  shardsPerStep: 1,
};

describe("an attachment", () => {
  it("is made once per connection and class, at first use", () => {
    const local = localWith({ heartbeat: HEARTBEAT });
    const connection = connectionOf(local, 1);
    expect(connection.attachment(Login)).toBeUndefined();
    const login = connection.attached(Login);
    const work = connection.attached(Work);
    login.expiresAt = 7;
    work.inFlight = 1;
    expect(connection.attached(Login)).toBe(login);
    expect(connection.attachment(Work)).toBe(work);
    expect(connectionOf(local, 2).attached(Login).expiresAt).toBe(0);
  });
});
