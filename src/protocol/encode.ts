import type { TidingsError } from "./errors.ts";
import { encodeJson } from "./forms/json-value.ts";
import type { Push, RequestForm, RequestId, ServerFrame } from "./frames.ts";

/** Encodes a server frame in the native dialect. */
export const encodeServerFrame = (frame: ServerFrame): string => JSON.stringify(frame);

/** A push whose `data` is encoded as JSON in `body`, from publish to delivery. */
export type EncodedPush = Omit<Push, "data"> & { body: string };

/** Encodes a push around its body, so that the data is encoded only once, at publish. */
export function encodePush(push: EncodedPush): string {
  const { type, body, timestamp, from, to, group, id, offset, recipient } = push;
  let text = `{"type":${quoted(type)},"data":${body},"timestamp":${timestamp}`;
  if (from !== undefined) text += `,"from":${quoted(from)}`;
  if (to !== undefined) text += `,"to":${quoted(to)}`;
  if (group !== undefined) text += `,"group":${quoted(group)}`;
  if (recipient !== undefined) text += `,"recipient":${quoted(recipient)}`;
  text += `,"id":${quoted(id)}`;
  return offset === undefined ? `${text}}` : `${text},"offset":${offset}}`;
}

/** Characters that stand for themselves in a JSON string. */
const PLAIN = /^[\w .:@-]*$/;

/** Encodes a string. Names are almost always plain, and `JSON.stringify` takes three times as long as this check. */
const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

/**
 * Encodes the reply to a request, in the form of the request.
 * @throws TidingsError `bad_request` for data that JSON would lose or change
 */
export function encodeReply(answer: RequestForm, data: unknown): string {
  const body = encodeJson(data, "reply");
  if (answer.form === "native") return `{"id":${JSON.stringify(answer.id)},"data":${body}}`;
  const { module: Module, action: Action, id: Id } = answer;
  return `${JSON.stringify({ Module, Action, Id }).slice(0, -1)},"Data":${body}}`;
}

/** Encodes the error reply to a request, in the form of the request. */
export function encodeError(answer: RequestForm, { code, message, retryAfterMs }: TidingsError): string {
  if (answer.form === "native")
    return JSON.stringify({ id: answer.id, error: { code, message, retryAfterMs } });
  const error = { Code: code, Message: message, RetryAfterMs: retryAfterMs };
  return JSON.stringify({ Module: answer.module, Action: answer.action, Id: answer.id, Error: error });
}

/** Encodes the error for input that is not a valid request. */
export function encodeBadInput({ code, message, retryAfterMs }: TidingsError, id?: RequestId): string {
  return JSON.stringify({ id, error: { code, message, retryAfterMs } });
}
