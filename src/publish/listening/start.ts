import type { HistoryPage, HistoryQuery } from "../../backplane/backplane.ts";
import type { Rewind } from "../../local/local.ts";
import type { Position } from "../../protocol/protocol.ts";

/** Start that the server may make: after a position, at the oldest retained message, or some way back from now. */
export type StartFrom = Position | "first" | Rewind;

/**
 * Position at which a channel continues for a reader. `recovered: false`: messages before it are lost. `missed: false`: those before
 * it are gone, and in a last-value channel none is missed.
 */
export interface Replayed extends Position {
  readonly recovered: boolean;
  readonly missed?: false;
}

/** Where a reader starts, with the first page after it. */
export interface ReplayStart {
  readonly start: Replayed;
  readonly page: HistoryPage;
}

const START = { offset: 0, id: undefined };

/** Messages per read of the history. Large ones end the page earlier: `history.pageBytes`. */
const PAGE = 128;

/**
 * Reads the page after a position, or the oldest page when the history cannot continue from there.
 * @param isLastValue true for a channel that keeps its newest message only
 */
export async function readFrom(
  read: (query: HistoryQuery) => Promise<HistoryPage>,
  from: StartFrom,
  isLastValue?: boolean,
): Promise<ReplayStart> {
  if (isRewind(from)) return readFrom(read, await rewound(read, from), isLastValue);
  const { offset: after, id } = from === "first" ? START : from;
  const page = await read({ after, id, limit: PAGE });
  const start = startOf(page, from, isLastValue);
  if (start.recovered || start.offset === after) return { start, page };
  return { start, page: await read({ after: start.offset, limit: PAGE }) };
}

/** Finds the position that is some way back from now. What comes meanwhile is replayed as well. */
async function rewound(
  read: (query: HistoryQuery) => Promise<HistoryPage>,
  { last: count, since }: Rewind,
): Promise<Position> {
  const { epoch, first, last, messages } = await read(
    since === undefined ? { limit: 0 } : { since, limit: 1 },
  );
  const oldest = since === undefined ? first : (messages[0]?.offset ?? last + 1);
  const start = count === undefined ? oldest : Math.max(oldest, last - count + 1);
  return { epoch, offset: Math.max(first, start) - 1 };
}

/** Computes where the channel continues, from the bounds of the retained history. */
function startOf(page: HistoryPage, from: Position | "first", isLastValue = false): Replayed {
  const { epoch, first, last, lost = false, differs = false } = page;
  if (from === "first") return { epoch, offset: first - 1, recovered: !lost };
  const isSame = from.epoch === epoch && !differs;
  if (isSame && isLastValue && from.offset < first - 1)
    return { epoch, offset: first - 1, recovered: true, missed: false };
  if (!isSame || from.offset < first - 1) return { epoch, offset: first - 1, recovered: false };
  // An offset beyond the end: this history never assigned it.
  if (from.offset > last) return { epoch, offset: last, recovered: false };
  return { epoch, offset: from.offset, recovered: true };
}

const isRewind = (from: StartFrom): from is Rewind => from !== "first" && !("epoch" in from);
