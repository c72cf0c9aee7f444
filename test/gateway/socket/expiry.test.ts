import { expect, onTestFinished, test, vi } from "vitest";
import { Expiry } from "../../../src/gateway/socket/expiry.ts";
import { SessionState } from "../../../src/gateway/socket/session-state.ts";

test.each([
  { livesMs: 3_600_000, warnedMs: 3_570_000 },
  { livesMs: 90_000, warnedMs: 60_000 },
  { livesMs: 21_000, warnedMs: 14_000 },
  { livesMs: 9_000, warnedMs: 6_000 },
  { livesMs: 3_000, warnedMs: 1_000 },
])("a login of $livesMs ms is warned after $warnedMs ms, once", ({ livesMs, warnedMs }) => {
  vi.useFakeTimers({ now: 1_000_000 });
  const expiry = new Expiry();
  onTestFinished(() => {
    expiry.stop();
    vi.useRealTimers();
  });
  const state = new SessionState();
  const connection = { state: "open", attached: () => state, send: vi.fn(), close: vi.fn() };
  expiry.set(connection as never, Date.now() + livesMs);
  vi.advanceTimersByTime(warnedMs - 1_000);
  expect(connection.send).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(connection.send).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(livesMs - warnedMs - 1_000);
  expect(connection.send).toHaveBeenCalledTimes(1);
  expect(connection.close).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(connection.close).toHaveBeenCalledWith("token_expired");
});
