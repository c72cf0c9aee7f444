import type { Status, TidingsError } from "../client/client.ts";
import type { StoreClient } from "./store-client.ts";

/** Longest pauses after a failure: they double from the first to the last. */
const FIRST_PAUSE_MS = 1_000;
const LAST_PAUSE_MS = 30_000;

/**
 * Runs a task on an open connection, and repeats it after errors that pass. Without a connection it waits, and takes none of the
 * places in which the client keeps calls of the application.
 *
 * Rejects with an error that stays, when the client is closed, and when the signal is aborted.
 */
export async function insist<Result>(
  client: StoreClient,
  signal: AbortSignal,
  task: () => Promise<Result>,
): Promise<Result> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LAST_PAUSE_MS)) {
    await opened(client, signal);
    if (signal.aborted) throw signal.reason;
    try {
      return await task();
    } catch (error) {
      const { retryable, retryAfterMs = 0 } = (error ?? {}) as Partial<TidingsError>; // or the reason of the signal
      if (signal.aborted || retryable !== true || client.state === "closed") throw error;
      await pause(Math.max(retryAfterMs, pauseMs * Math.random()), signal);
    }
  }
}

/** Resolves when the client is open, or never will be. */
function opened(client: StoreClient, signal: AbortSignal): Promise<void> {
  const isOver = (status?: Status): boolean =>
    signal.aborted ||
    client.state === "open" ||
    client.state === "closed" ||
    (status?.type === "closed" && !status.willRetry);
  if (isOver()) return Promise.resolve();
  return new Promise((resolve) => {
    const look = (status?: Status): void => {
      if (!isOver(status)) return;
      remove();
      signal.removeEventListener("abort", aborted);
      resolve();
    };
    const aborted = (): void => look();
    const remove = client.onStatus(look);
    signal.addEventListener("abort", aborted);
  });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
