import type { RunScript } from "../connection/connection.ts";
import { SCAN } from "./scripts.ts";

/** Members to read in one call, about. A call takes well below a millisecond. */
const MEMBERS_PER_CALL = 1_000;

/**
 * Reads a set of any size in parts, so that no part keeps Redis busy for long. Members that are in the set throughout are found.
 * @param run `connection.run`, or `connection.exec` while the node recovers
 */
export async function readSet(
  run: RunScript,
  partition: number,
  kind: string,
  name: string,
): Promise<Set<string>> {
  const found = new Set<string>();
  for await (const members of scan(run, partition, ["SSCAN", kind, name])) {
    for (const member of members) found.add(member);
  }
  return found;
}

/** Reads a hash of any size in parts, as {@link readSet} reads a set. */
export async function readHash(
  run: RunScript,
  partition: number,
  kind: string,
  name: string,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const fields of scan(run, partition, ["HSCAN", kind, name])) {
    for (let index = 0; index + 1 < fields.length; index += 2) {
      found.set(fields[index] ?? "", fields[index + 1] ?? "");
    }
  }
  return found;
}

async function* scan(run: RunScript, partition: number, key: readonly string[]): AsyncIterable<string[]> {
  let cursor = "0";
  do {
    const part = await run(SCAN, partition, [...key, cursor, MEMBERS_PER_CALL]);
    const [next, found] = part as [string, string[]]; // as Redis replies to SSCAN and HSCAN
    yield found;
    cursor = next;
  } while (cursor !== "0");
}
