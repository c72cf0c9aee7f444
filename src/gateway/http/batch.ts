import { z } from "zod";
import type { Backplane, CommandResult } from "../../backplane/backplane.ts";
import { addMember, removeMember } from "../../members/members.ts";
import { channelOf, type ErrorCode, TidingsError, toTidingsError } from "../../protocol/protocol.ts";
import { applicationKey, type Publisher, type Receipt } from "../../publish/publish.ts";
import { group, message, platform, rewind, user } from "./schemas.ts";

/** Operations of one batch, at most. */
export const MAX_OPERATIONS = 1_000;

const MESSAGES = z.discriminatedUnion("op", [
  z.strictObject({
    op: z.literal("send"),
    to: user.optional(),
    group: group.optional(),
    ...message.shape,
  }),
  z.strictObject({ op: z.literal("broadcast"), ...message.shape }),
]);

const COMMANDS = z.discriminatedUnion("op", [
  z.strictObject({
    op: z.literal("kick"),
    user,
    reason: z.string().optional(),
    notice: z.unknown().optional(),
    platform: platform.optional(),
  }),
  z.strictObject({ op: z.literal("join"), user, group, ...rewind }),
  z.strictObject({ op: z.literal("leave"), user, group }),
]);

/** One operation of a batch. */
export const operation = z.discriminatedUnion("op", [MESSAGES, COMMANDS]);

/** Outcome of one operation: the receipt of a message, the result of an order, or an error. */
export type OperationResult =
  | Receipt
  | CommandResult
  | {
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly retryAfterMs?: number | undefined;
      };
    };

export interface BatchPorts {
  readonly publisher: Publisher;
  readonly backplane: Backplane;
  /** Called with errors that callers see as `internal`. */
  readonly report?: ((stage: string, error: unknown) => void) | undefined;
}

export interface BatchLimits {
  /** Throws for a caller who may only send. @default every caller may give orders */
  readonly assertCommands?: () => void;
  /** Characters of a message's data as JSON. @default unlimited */
  readonly maxDataLength?: number;
  /** Returns the data of an operation as JSON text, as it was written. @default its `data` is encoded */
  readonly bodyOf?: (index: number) => string | undefined;
}

/**
 * Runs operations in their order. A message is handed to the backplane before the next operation begins, and an order about a
 * user begins when everything before it is done. A failed operation stops no other one.
 * @throws TidingsError `bad_request` unless there are 1 to 1,000 operations
 */
export async function runBatch(
  ports: BatchPorts,
  operations: readonly unknown[],
  limits: BatchLimits = {},
): Promise<OperationResult[]> {
  if (!Array.isArray(operations) || operations.length === 0 || operations.length > MAX_OPERATIONS) {
    const most = MAX_OPERATIONS.toLocaleString("en");
    throw new TidingsError("bad_request", `operations: expected a list of 1 to ${most} operations`);
  }
  const failed = (thrown: unknown): OperationResult => failureOf(ports, thrown);
  const started: (OperationResult | Promise<OperationResult>)[] = [];
  for (const [index, each] of operations.entries()) {
    try {
      const read = readOperation(each);
      if (read.op === "send" || read.op === "broadcast") {
        started.push(publish(ports, read, limits, index).catch(failed));
      } else {
        limits.assertCommands?.();
        await Promise.all(started);
        started.push(await command(ports, read));
      }
    } catch (thrown) {
      started.push(failed(thrown));
    }
  }
  return Promise.all(started);
}

function readOperation(value: unknown): z.output<typeof operation> {
  const { data, error } = operation.safeParse(value);
  if (data !== undefined) return data;
  const problems = error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message.replace(/^Invalid input: /, "")}`,
  );
  throw new TidingsError("bad_request", problems.join("; "));
}

function publish(
  { publisher }: BatchPorts,
  given: z.output<typeof MESSAGES>,
  { maxDataLength = Number.POSITIVE_INFINITY, bodyOf }: BatchLimits,
  index: number,
): Promise<Receipt> {
  const { type, data, from, ephemeral, platforms, except, ack, timeoutMs, count } = given;
  const target = given.op === "send" ? receiverOf(given) : {};
  const body = bodyOf?.(index);
  const length = (): number => (body ?? JSON.stringify(data) ?? "").length;
  if (Number.isFinite(maxDataLength) && length() > maxDataLength) {
    throw new TidingsError("too_large", `data: expected at most ${maxDataLength} characters as JSON`);
  }
  const draft = { channel: channelOf(target), type, data, body, from, ephemeral, platforms, except };
  return publisher.publish(draft, { key: applicationKey(given.key), ack, timeoutMs, count });
}

function receiverOf({ to, group }: { to?: string | undefined; group?: string | undefined }) {
  if ((to === undefined) !== (group === undefined)) return { to, group };
  throw new TidingsError("bad_request", "expected either to (a user) or group");
}

function command({ backplane }: BatchPorts, given: z.output<typeof COMMANDS>): Promise<CommandResult> {
  if (given.op === "join") {
    const { group, user, last, since } = given;
    return addMember(backplane, group, user, { last, since });
  }
  if (given.op === "leave") return removeMember(backplane, given.group, given.user);
  const { op: _, ...kick } = given;
  return backplane.cluster.command({ kind: "kick", cause: "kicked", ...kick });
}

function failureOf({ report }: BatchPorts, thrown: unknown): OperationResult {
  const error = toTidingsError(thrown);
  if (error !== thrown) report?.("batch", thrown);
  const { code, message, retryAfterMs } = error;
  return { error: { code, message, retryAfterMs } };
}
