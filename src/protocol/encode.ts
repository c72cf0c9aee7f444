import type { TidingsError } from "./errors.ts";
import type { Push, RequestForm, ServerFrame } from "./frames.ts";

/** The text of a server frame in the native dialect. */
export const encodeServerFrame = (frame: ServerFrame): string => JSON.stringify(frame);

/** The text of a push. `undefined` data becomes `null`, so that every push has its `data`. */
export function encodePush({ type, data, timestamp, from, to, group, id, offset }: Push): string {
  return JSON.stringify({ type, data: data ?? null, timestamp, from, to, group, id, offset });
}

/** The text that answers a request, in the form in which it was asked. */
export function encodeReply(answer: RequestForm, data: unknown): string {
  if (answer.form === "native") return JSON.stringify({ id: answer.id, data: data ?? null });
  return JSON.stringify({ Module: answer.module, Action: answer.action, Id: answer.id, Data: data ?? null });
}

/** The text that refuses a request, in the form in which it was asked. */
export function encodeError(answer: RequestForm, { code, message }: TidingsError): string {
  if (answer.form === "native") return JSON.stringify({ id: answer.id, error: { code, message } });
  const error = { Code: code, Message: message };
  return JSON.stringify({ Module: answer.module, Action: answer.action, Id: answer.id, Error: error });
}

/** The text that answers input too broken to be a request. */
export function encodeBadInput({ code, message }: TidingsError, id?: number): string {
  return JSON.stringify({ id, error: { code, message } });
}
