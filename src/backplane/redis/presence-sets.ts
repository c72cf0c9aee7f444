import type { Link } from "./link.ts";
import { SCAN } from "./presence-scripts.ts";

/** Members read in one call, about: it takes well below a millisecond. */
const MEMBERS_PER_CALL = 1_000;

/**
 * Reads a set of any size without keeping Redis busy for long. What is in it throughout is found.
 * @param run `link.run`, or `link.exec` while the node returns
 */
export async function readSet(
  run: Link["run"],
  partition: number,
  kind: string,
  name: string,
): Promise<Set<string>> {
  const found = new Set<string>();
  let cursor = "0";
  do {
    const part = await run(SCAN, partition, [kind, name, cursor, MEMBERS_PER_CALL]);
    const [next, members] = part as [string, string[]]; // as SSCAN answers
    for (const member of members) found.add(member);
    cursor = next;
  } while (cursor !== "0");
  return found;
}
