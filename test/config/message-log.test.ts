import { describe, expect, it } from "vitest";
import { resolveConfig } from "../../src/config/config.ts";

const read = (messageLog: string): string | undefined =>
  resolveConfig({ env: { MESSAGE_LOG: messageLog } }).messageLog;

describe("messageLog", () => {
  it.each([
    "stdout",
    "sqlite:log.db",
    "sqlite:./data/log.db",
    "sqlite:/var/lib/tidings/log.db",
    "postgres://localhost/tidings",
    "postgresql://app:p%40ss%2Fword@[::1]:5433/tidings?sslmode=verify-full",
    "postgres:///tidings?host=/var/run/postgresql",
  ])("accepts %j", (target) => {
    expect(read(target)).toBe(target);
  });

  it.each([
    "STDOUT",
    "sqlite:",
    "sqlite::memory:",
    "sqlite://log.db",
    "log.db",
    "mysql://app:hunter2@db/x",
    "postgres:app:hunter2@db/x",
    "postgres://app:hunter2/x@db/x",
    "postgres://app:hunter2#x@db/x",
    "postgres://app:%hunter2@db/x",
  ])("refuses %j, with what it expected and without a password", (target) => {
    let message = "";
    try {
      read(target);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain(
      "environment MESSAGE_LOG: expected stdout, sqlite:<file> or a URL such as postgres://",
    );
    expect(message).not.toContain("hunter2");
  });
});
