import { type TidingsError, toTidingsError } from "../protocol/protocol.ts";
import { messageOf, type OutboxMessage, type OutboxRow, type RowName } from "./row.ts";
import { isRetryable, type Publish } from "./targets/publish.ts";

/** A row that was refused for good. */
export interface FailedRow extends RowName {
  readonly channel: string;
  readonly error: TidingsError;
}

/** Result of a round. */
export interface Outcome {
  /** Rows that the hub has. */
  readonly published: RowName[];
  readonly failed: FailedRow[];
  /** By channel: its next row, which failed and may be published later. */
  readonly stalled: Map<string, FailedRow>;
  /** Reason for an early end of the round: the hub did not take a call. */
  problem: TidingsError | undefined;
}

/** Bytes of data in one call. One message may be larger. */
const CALL_BYTES = 1_048_576;

/** Added to the data of a message. */
const OVERHEAD_BYTES = 256;

/**
 * Publishes rows in waves. A wave has one row of each channel at most, and the next one begins when the hub has answered: so a row that
 * fails for now is never overtaken by a later one of its channel.
 * @param rows in their order
 * @param isOver asked before each wave
 */
export async function publishRows(
  rows: readonly OutboxRow[],
  publish: Publish,
  isOver: () => boolean,
): Promise<Outcome> {
  const outcome: Outcome = { published: [], failed: [], stalled: new Map(), problem: undefined };
  const queues = new Map(
    [...Map.groupBy(rows, ({ channel }) => channel)].map(([name, some]) => [name, some.values()]),
  );
  let heads = nextOf(queues, queues.keys());
  while (heads.length > 0 && outcome.problem === undefined && !isOver()) {
    const { wave, rest } = cut(heads);
    await publishWave(wave, publish, outcome);
    const served = wave.map(({ channel }) => channel).filter((channel) => !outcome.stalled.has(channel));
    heads = [...rest, ...nextOf(queues, served)];
  }
  return outcome;
}

/** The next row of each of these channels that has one. */
function nextOf(queues: ReadonlyMap<string, Iterator<OutboxRow>>, channels: Iterable<string>): OutboxRow[] {
  return [...channels].flatMap((channel) => {
    const next = queues.get(channel)?.next();
    return next === undefined || next.done === true ? [] : [next.value];
  });
}

/** Takes as many rows as one call may carry, one at least. */
function cut(heads: readonly OutboxRow[]): { wave: readonly OutboxRow[]; rest: readonly OutboxRow[] } {
  let bytes = 0;
  const end = heads.findIndex(({ size }, index) => {
    bytes += size + OVERHEAD_BYTES;
    return index > 0 && bytes > CALL_BYTES;
  });
  return end === -1 ? { wave: heads, rest: [] } : { wave: heads.slice(0, end), rest: heads.slice(end) };
}

async function publishWave(wave: readonly OutboxRow[], publish: Publish, outcome: Outcome): Promise<void> {
  const channels = new Map(wave.map(({ id, channel }) => [id, channel]));
  const tell = ({ id, key }: RowName, error: TidingsError | undefined): void => {
    const channel = channels.get(id) ?? "";
    if (error === undefined) outcome.published.push({ id, key });
    else if (isRetryable(error)) outcome.stalled.set(channel, { id, key, channel, error });
    else outcome.failed.push({ id, key, channel, error });
  };
  const messages = wave.flatMap((row) => {
    try {
      return [messageOf(row)];
    } catch (error) {
      tell(row, toTidingsError(error));
      return [];
    }
  });
  try {
    await publishInHalves(messages, publish, tell);
  } catch (error) {
    outcome.problem = toTidingsError(error);
  }
}

/** Calls that are refused for what is in them. */
const REFUSALS: readonly string[] = ["too_large", "bad_request"];

/** Publishes messages by one call. When the hub refuses the call itself, the halves go apart, and so on, until the bad ones are alone. */
async function publishInHalves(
  messages: readonly OutboxMessage[],
  publish: Publish,
  tell: (row: RowName, error: TidingsError | undefined) => void,
): Promise<void> {
  const [first] = messages;
  if (first === undefined) return;
  try {
    const errors = await publish(messages);
    for (const [index, message] of messages.entries()) tell(message, errors[index]);
  } catch (thrown) {
    const error = toTidingsError(thrown);
    if (!REFUSALS.includes(error.code)) throw error;
    if (messages.length === 1) return tell(first, error);
    const middle = Math.ceil(messages.length / 2);
    await publishInHalves(messages.slice(0, middle), publish, tell);
    await publishInHalves(messages.slice(middle), publish, tell);
  }
}
