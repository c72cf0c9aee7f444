import { type Connection, forEachConcurrently } from "../connection/connection.ts";
import { EVERY_PARTITION } from "../wire/keys.ts";
import { CLEAR } from "./scripts.ts";

/** How long a dead incarnation stays fenced: longer than any process is paused and continued. */
const FENCE_SECONDS = 86_400;
/** How long an incarnation that leaves by itself stays fenced: longer than its last calls can take. */
const LEAVING_FENCE_SECONDS = 60;
/** Connections or members of groups removed in one script. A script takes about a millisecond. */
const CLEARED_PER_SCRIPT = 100;

/**
 * Removes everything that an incarnation owns, and fences the incarnation. Any number of nodes may do it at once, and one may go
 * on where another stopped.
 * @param isOwn true when the incarnation leaves by itself: then it sends nothing more
 * @param onGraceBegan called with each user whose last connection was removed
 */
export async function clearIncarnation(
  connection: Connection,
  { token, isOwn, graceMs }: { token: string; isOwn: boolean; graceMs: number },
  onGraceBegan: (user: string) => void,
): Promise<void> {
  const args = [token, isOwn ? LEAVING_FENCE_SECONDS : FENCE_SECONDS, graceMs, CLEARED_PER_SCRIPT];
  await forEachConcurrently(EVERY_PARTITION, async (partition) => {
    let remaining: number;
    do {
      const reply = await connection.exec(CLEAR, partition, args);
      const [rest, ...users] = reply as [number, ...string[]]; // by the script
      for (const user of users) onGraceBegan(user);
      remaining = rest;
    } while (remaining > 0);
  });
}
