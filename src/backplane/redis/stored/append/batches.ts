import { type PackedArguments, pack } from "../../connection/connection.ts";
import { LARGE_PAYLOAD, LINE, lineOf, NEWLINE, VERSION } from "../../wire/lines.ts";
import { encodeEntry, StoredLine } from "../../wire/stored-line.ts";
import type { PendingAppend } from "./pending.ts";
import type { TargetNodes } from "./targets.ts";

const OPENING = VERSION + NEWLINE + lineOf(LINE.stored);

/**
 * Messages of a batch with the same target nodes. All messages of a channel are in one group, so their order is kept.
 */
export interface Group {
  readonly nodes: TargetNodes;
  readonly messages: PendingAppend[];
  /** True if any of them has an idempotency key. */
  hasKeys: boolean;
}

/** Groups a batch by target nodes; within a group the order is kept. */
export function groupsOf(batch: readonly PendingAppend[]): Group[] {
  const groups = new Map<TargetNodes, Group>();
  let group: Group | undefined;
  for (const pending of batch) {
    const { nodes } = pending.target;
    if (nodes !== group?.nodes) {
      group = groups.get(nodes) ?? { nodes, messages: [], hasKeys: false };
      groups.set(nodes, group);
    }
    group.messages.push(pending);
    group.hasKeys ||= pending.key !== undefined;
  }
  return [...groups.values()];
}

/**
 * Adds the arguments of APPEND for one payload: as many messages of a group as fit.
 * @returns index of the first message left
 */
export function addPayload(
  args: PackedArguments,
  { nodes, messages, hasKeys }: Group,
  start: number,
): number {
  const line = new StoredLine(OPENING);
  let lists = "";
  let index = start;
  for (; line.length < LARGE_PAYLOAD; index++) {
    const pending = messages[index];
    if (pending === undefined) break;
    const { target, message, key = "" } = pending;
    line.add(target.header, encodeEntry(message));
    lists += hasKeys ? target.list + pack(key) : target.list;
  }
  const number = index - start;
  // Lua counts from 1.
  const first = line.entriesAt + 1;
  args.add(pack(nodes.tokens) + pack(number) + pack(hasKeys ? 1 : 0) + pack(line.text) + pack(first), 5);
  args.add(lists, hasKeys ? 2 * number : number);
  return index;
}
