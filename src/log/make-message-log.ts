import { TidingsError } from "../protocol/protocol.ts";
import { MessageLog } from "./message-log.ts";
import type { QueueLimits } from "./queue.ts";
import type { MessageSink } from "./sink.ts";
import { sinkOf } from "./target.ts";

/** The settings of a message log. */
interface Settings {
  /** Names the sink. @default no message log */
  readonly messageLog?: string;
  readonly messageLogLimits: QueueLimits & { readonly ageMs: number };
}

interface HubParts {
  readonly config: Settings;
  readonly node: string;
  /** The application's sink. @default the one that the configuration names */
  readonly messageSink: MessageSink | undefined;
  readonly report: (stage: string, error: unknown) => void;
}

interface NodeParts {
  readonly health: {
    degrade(what: "message log", why: string): void;
    restore(what: "message log"): void;
  };
  /** The clock of the timestamps of messages. */
  readonly now: () => number;
}

/** Why the node is degraded. `/ready` shows it to everybody, so details are in the log only. */
const FAILING = "the message log cannot be written: records wait, and later ones are dropped";

/** Makes the message log; undefined when none is wanted. */
export function makeMessageLog(
  { config, node, messageSink, report }: HubParts,
  { health, now }: NodeParts,
): MessageLog | undefined {
  const { messageLog: target, messageLogLimits } = config;
  const { ageMs, ...limits } = messageLogLimits;
  const sink = messageSink ?? (target === undefined ? undefined : sinkOf(target));
  if (sink === undefined) return undefined;
  return new MessageLog({
    sink,
    node,
    limits,
    ageMs,
    now,
    report: (error) => report("message log", error),
    failing(isFailing) {
      if (isFailing) health.degrade("message log", FAILING);
      else health.restore("message log");
    },
  });
}

/** @throws TidingsError `bad_request` for an object that is no sink */
export function assertSink(value: MessageSink | null): MessageSink {
  if (typeof value?.write === "function") return value;
  const expected = "expected a text such as sqlite:./data/log.db, or a sink: an object with the method write";
  throw new TidingsError("bad_request", `messageLog: ${expected}`);
}
