import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";

/** Header of the id of an HTTP request. */
export const REQUEST_ID = "x-request-id";

/** Ids as proxies make them: a UUID, a hexadecimal number, `Root=1-67891233-abcdef`. Other characters could forge log lines. */
const FORM = /^[\w.:=+/-]{1,128}$/;

/** The id of a request: the one that it brings, when a trusted proxy gave it and it has the form of one, else a new one. */
export const requestId = (given: unknown, isTrusted: boolean): string =>
  isTrusted && typeof given === "string" && FORM.test(given) ? given : newId();

/** The text of the last new id. */
const scratch = Buffer.alloc(36);

/** A UUID in one piece. Node gives it as a chain of twenty short texts, which takes 500 bytes for as long as a connection keeps it. */
function newId(): string {
  scratch.write(randomUUID(), "latin1");
  return scratch.toString("latin1");
}

/** Knows of which HTTP request the present code is a consequence, for the log: also in callbacks and after an `await`. */
export class RequestScope {
  readonly #storage = new AsyncLocalStorage<string>();

  /** Id of the request; undefined outside of one. */
  get id(): string | undefined {
    return this.#storage.getStore();
  }

  run<Result>(id: string, work: () => Result): Result {
    return this.#storage.run(id, work);
  }
}
