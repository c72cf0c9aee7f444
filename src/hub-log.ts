import type { HealthEvent } from "./backplane/backplane.ts";
import { type ErrorCode, TidingsError } from "./protocol/protocol.ts";
import type { HookEvents } from "./publish/publish.ts";

/**
 * A logger of the application: pino, bunyan, Winston, `console`, or any object with these methods. Loggers of pino and bunyan get the
 * fields first, all others the text first.
 */
export interface Logger {
  info(text: string, fields: object): unknown;
  warn(text: string, fields: object): unknown;
  error(text: string, fields: object): unknown;
  /** Used at the level `debug` of the configuration (`logLevel`); pino's own level decides for pino. @default no such lines */
  debug?(text: string, fields: object): unknown;
}

type Line = (fields: object, text: string) => void;

/** The log of a hub. */
export interface Log {
  readonly info: Line;
  readonly warn: Line;
  readonly error: Line;
  /** Absent unless lines of this level are wanted. */
  readonly debug?: Line | undefined;
}

const METHODS = ["info", "warn", "error"] as const;

/**
 * Makes the log of a hub from the application's logger.
 * @param level the configuration's `logLevel`
 * @param common fields of every line, read when it is written
 * @throws TidingsError `bad_request` for an object without the methods
 */
export function logOf(logger: Logger, level: string, common: () => object = () => ({})): Log {
  const missing = METHODS.find((name) => typeof (logger as Partial<Logger> | null)?.[name] !== "function");
  if (missing !== undefined) {
    const text = `logger: expected an object with the methods info, warn and error, such as pino() or console: ${missing} is missing`;
    throw new TidingsError("bad_request", text);
  }
  const write = isFieldsFirst(logger) ? fieldsFirst : textFirst;
  const line = (to: Logger, name: keyof Logger): Line => {
    const written = write(to, name);
    return (fields, text) => written({ ...common(), ...fields }, text);
  };
  const [info, warn, error] = METHODS.map((name) => line(logger, name)) as [Line, Line, Line];
  return { info, warn, error, debug: isDebug(logger, level) ? line(logger, "debug") : undefined };
}

/**
 * Fields of every line of a hub: its node, and the HTTP request and the trace of which the line is a consequence.
 * @param tracing the traces. @default none
 */
export const commonFields =
  (
    node: string,
    request: { readonly id: string | undefined },
    tracing: { readonly ids: object | undefined } | undefined,
  ) =>
  (): object => {
    const { id } = request;
    return { node, ...(id === undefined ? {} : { requestId: id }), ...tracing?.ids };
  };

/** Methods of loggers that take the fields first: pino's `bindings`, bunyan's `addStream`. */
const isFieldsFirst = (logger: object): boolean =>
  ["bindings", "addStream"].some((name) => typeof (logger as Record<string, unknown>)[name] === "function");

const fieldsFirst =
  (logger: Logger, name: keyof Logger): Line =>
  (fields, text) =>
    // These loggers take the arguments in this order.
    (logger as unknown as Record<keyof Logger, Line>)[name](fields, text);

const textFirst =
  (logger: Logger, name: keyof Logger): Line =>
  (fields, text) =>
    logger[name]?.(`${text}${causeIn(fields)}`, fields);

/** Many loggers print an error among the fields as `{}`. */
const causeIn = (fields: { readonly err?: unknown }): string =>
  fields.err === undefined
    ? ""
    : `: ${fields.err instanceof Error ? fields.err.message : String(fields.err)}`;

function isDebug(logger: Logger & { isLevelEnabled?(level: string): boolean }, level: string): boolean {
  if (typeof logger.debug !== "function") return false;
  return logger.isLevelEnabled?.("debug") ?? ["debug", "trace"].includes(level);
}

/** Errors that are sentences for the operator: their stacks would say nothing. */
const SENTENCES: readonly ErrorCode[] = ["unavailable", "conflict"];

/** Logs failures that no caller waits for. */
export function errorLog(log: Log): (failure: HookEvents["error"]) => void {
  return ({ stage, error, connection }) => {
    const whose = connection && { connection: connection.id, user: connection.user };
    if (error instanceof TidingsError && SENTENCES.includes(error.code))
      log.error({ stage, ...whose }, error.message);
    else log.error({ stage, ...whose, err: error }, "failed");
  };
}

/** Logs the changes of a node's health: one line each. */
export function healthLog(log: Log): (event: HealthEvent) => void {
  return ({ kind, ...event }) => {
    // The request that came upon an outage did not cause it.
    const facts = { ...event, requestId: undefined };
    if (kind === "degraded") log.warn(facts, "degraded: a part of the service does not work as it should");
    else if (kind === "restored") log.info(facts, "restored: this part of the service works again");
    else if (kind === "lost") log.warn(facts, "a connection to the backplane was lost");
    else log.info(facts, "a connection to the backplane was made again");
  };
}
