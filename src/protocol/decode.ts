import { badRequest as bad, TidingsError } from "./errors.ts";
import { jsonProblem } from "./forms/json-problem.ts";
import { canonicalData } from "./forms/module-form.ts";
import { rawBody, rawData, rawField } from "./forms/raw-fields.ts";
import type { ClientFrame, ClientMessage, ClientRequest, RequestForm, RequestId } from "./frames.ts";
import { RESERVED_TYPES } from "./frames.ts";
import { ID_RULE, isId, isName } from "./names.ts";

/** Maximum nesting of data. Deeper data breaks JSON parsers with a recursion limit. */
export const MAX_DEPTH = 64;

/** Request whose data has the data of a message: its text is kept, as that of a message is. */
const EDIT_ACTION = "message.edit";

/** Longest message type, in characters. */
const MAX_TYPE = 64;

type Fields = Record<string, unknown>;

/** A decoded frame, or the error for the client, with the id of its request when it had one. */
export type Decoded = { frame: ClientFrame } | { error: TidingsError; id?: RequestId };

/** Fields of a message. `from`, `timestamp` and `offset` are the server's: a client's are discarded. */
export const MESSAGE_FIELDS: readonly string[] =
  "type data to group id ephemeral ack timeoutMs key count from timestamp offset".split(" ");

/** A message over HTTP comes from no connection. */
const ENVELOPE: ReadonlySet<string> = new Set([...MESSAGE_FIELDS, "echo", "copy"]);

/** Decodes one text message of a client. Never throws. */
export function decodeClientFrame(text: string): Decoded {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return { error: bad(`expected ${jsonProblem(cause)}`) };
  }
  if (!isFields(value)) return { error: bad("expected a JSON object") };
  const id = isRequestId(value.id) ? value.id : undefined;
  try {
    const frame = decodeFields(value);
    if (frame.kind === "message") frame.body = bodyIn(text, value);
    if (frame.kind === "request" && value.action === EDIT_ACTION && isFields(frame.data))
      frame.body = rawBody(rawField(text, "data") ?? "{}");
    // Depth d takes at least 2·d characters, so shorter texts need no check.
    if (text.length > 2 * MAX_DEPTH) assertFrameDepth(frame);
    return { frame };
  } catch (error) {
    return { error: error instanceof TidingsError ? error : bad("expected a JSON object"), id };
  }
}

/** Finds the data of a message in the text of its frame. The older form names fields in many ways, so that its data is encoded again. */
function bodyIn(text: string, { action, Module }: Fields): string | undefined {
  if (action !== undefined) return rawData(rawField(text, "data") ?? "{}", ENVELOPE);
  return Module === undefined ? rawData(text, ENVELOPE) : undefined;
}

function decodeFields(fields: Fields): ClientFrame {
  if (fields.action !== undefined) return decodeRequest(fields);
  if (fields.Module !== undefined) return decodeModuleRequest(fields);
  if (fields.type === "ping") return { kind: "ping" };
  return decodeMessage(fields, answerTo(fields.id));
}

function decodeRequest({ id, action, data }: Fields): ClientRequest | ClientMessage {
  if (typeof action !== "string" || action === "") throw bad('action: expected a name such as "group.join"');
  if (!isRequestId(id)) throw bad(`id: expected ${REQUEST_ID_RULE}`);
  return asRequest(action, data, { form: "native", id });
}

/** Decodes the older form: `{"Module":"robot","Action":"Login","Data":{…}}` requests `robot.login`. */
function decodeModuleRequest({ Module, Action, Data, Id }: Fields): ClientRequest | ClientMessage {
  if (typeof Module !== "string" || typeof Action !== "string" || Module === "" || Action === "") {
    throw bad("Module and Action: expected two names");
  }
  const action = `${lowerFirst(Module)}.${lowerFirst(Action)}`;
  return asRequest(action, canonicalData(action, Data), {
    form: "module",
    module: Module,
    action: Action,
    id: Id,
  });
}

/** Makes a request, or a message from the action `message.send`, which is another form of a message. */
function asRequest(action: string, data: unknown, answer: RequestForm): ClientRequest | ClientMessage {
  if (action !== "message.send") return { kind: "request", action, data, answer };
  if (!isFields(data)) throw bad("data: expected the fields of a message");
  return decodeMessage(data, answer);
}

function decodeMessage(fields: Fields, answer?: RequestForm): ClientMessage {
  const { type, to, group, ephemeral = false, ack = false, timeoutMs, key, count = false } = fields;
  const { echo = true, copy = false } = fields;
  assertType(type);
  if (to !== undefined && !isId(to)) throw bad(`to: expected a user id of ${ID_RULE}`);
  if (group !== undefined && !isId(group)) throw bad(`group: expected a group id of ${ID_RULE}`);
  if (to !== undefined && group !== undefined) throw bad("expected to or group, not both");
  if (typeof ephemeral !== "boolean") throw bad("ephemeral: expected true or false");
  if (typeof ack !== "boolean") throw bad("ack: expected true or false");
  if (typeof count !== "boolean") throw bad("count: expected true or false");
  if (typeof echo !== "boolean") throw bad("echo: expected true or false");
  if (typeof copy !== "boolean") throw bad("copy: expected true or false");
  if (copy && to === undefined) throw bad("copy: expected to beside it");
  if (ack && answer === undefined) throw bad("ack: expected an id beside it, for the reply");
  if (timeoutMs !== undefined && !isWait(timeoutMs)) throw bad("timeoutMs: expected 0–60,000 milliseconds");
  if (key !== undefined && !isId(key)) throw bad(`key: expected ${ID_RULE}`);
  return {
    kind: "message",
    answer,
    type,
    data: dataOf(fields, ENVELOPE),
    to,
    group,
    ephemeral,
    ack,
    timeoutMs,
    key,
    count,
    echo,
    copy,
  };
}

/** A message with an id is answered with its receipt. */
function answerTo(id: unknown): RequestForm | undefined {
  if (id === undefined) return undefined;
  if (!isRequestId(id)) throw bad(`id: expected ${REQUEST_ID_RULE}`);
  return { form: "native", id };
}

/**
 * Checks a message type. All types are allowed except the reserved names of the protocol.
 * @throws TidingsError `bad_request`
 */
export function assertType(type: unknown): asserts type is string {
  if (!isName(type, MAX_TYPE))
    throw bad(`type: expected 1–${MAX_TYPE} well-formed characters without control characters`);
  if (RESERVED_TYPES.has(type)) throw bad(`type: "${type}" is a name of the protocol's own`);
}

/**
 * Returns the data of a message. Without `data`, the fields that are not known become it
 * (`{"type":"img","url":"…"}`); without such fields it is null. One rule for WebSocket and HTTP.
 * @throws TidingsError `bad_request` for an unknown field beside `data`, which would be lost
 */
export function dataOf(fields: Readonly<Fields>, known: ReadonlySet<string>): unknown {
  const hasData = "data" in fields;
  let gathered: [string, unknown][] | undefined;
  for (const name in fields) {
    if (known.has(name)) continue;
    if (hasData) throw bad(`${shortName(name)}: no field of a message, expected it inside data`);
    gathered ??= [];
    gathered.push([name, fields[name]]);
  }
  if (hasData) return fields.data;
  return gathered === undefined ? null : Object.fromEntries(gathered);
}

/** A name of any length in a reply would make a refusal dear. */
const shortName = (name: string): string =>
  (name.length > 64 ? `${name.slice(0, 64)}…` : name).toWellFormed();

/** Checks the depth of the parts of a frame that others receive, or that the reply repeats. */
function assertFrameDepth(frame: ClientFrame): void {
  if (frame.kind === "ping") return;
  assertDepth(frame.data);
  if (frame.answer?.form === "module") assertDepth(frame.answer.id);
}

/** @throws TidingsError `bad_request` when the value is nested deeper than {@link MAX_DEPTH} */
export function assertDepth(value: unknown, depth = 0): void {
  if (typeof value !== "object" || value === null) return;
  if (depth === MAX_DEPTH) throw bad(`data: expected at most ${MAX_DEPTH} levels of nesting`);
  for (const child of Object.values(value)) assertDepth(child, depth + 1);
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Longest id of a request that is a string, in characters. */
const MAX_REQUEST_ID = 128;

const REQUEST_ID_RULE = `a whole number from 0, or a string of 1–${MAX_REQUEST_ID} characters`;

const isRequestId = (value: unknown): value is RequestId =>
  typeof value === "string"
    ? isName(value, MAX_REQUEST_ID)
    : Number.isSafeInteger(value) && Number(value) >= 0;

const isWait = (value: unknown): value is number =>
  Number.isFinite(value) && Number(value) >= 0 && Number(value) <= 60_000;

const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
