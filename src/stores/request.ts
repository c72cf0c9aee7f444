import type { TidingsError } from "../client/client.ts";
import type { ActionName, ReplyOf, RequestInput, UndeclaredName } from "../protocol/protocol.ts";
import { insist } from "./insist.ts";
import { type Run, SharedStore, shared } from "./shared-store.ts";
import type { Store } from "./snapshots.ts";
import { type AnyClient, type DeclaredOf, type StoreClient, untyped } from "./store-client.ts";

/** Reply to a request that asks for something. */
export interface Requested<Reply> {
  /** Reply to the last request that succeeded. */
  readonly data: Reply | undefined;
  /** `idle`: without a client, or not `enabled`. `failed`: the last request was refused, and `error` says why. */
  readonly state: "idle" | "loading" | "ready" | "failed";
  readonly error: TidingsError | undefined;
}

export interface RequestStore<Reply> extends Store<Requested<Reply>> {
  /** Asks again. The former reply stays until the next one is there. Never rejects. */
  refresh(): Promise<void>;
}

/** Arguments after the name of an action. The data is optional where its type allows `undefined`. */
export type RequestData<Input> = undefined extends Input ? [data?: Input] : [data: Input];

const LOADING: Requested<never> = { data: undefined, state: "loading", error: undefined };

/** Reply without a client. */
export const NO_REPLY: Requested<never> = { ...LOADING, state: "idle" };

/**
 * Reply to a request that changes nothing on the server, such as a query: it is repeated on the next connection when the present one
 * ends, and after errors that pass.
 */
export function requestStore<Given extends AnyClient, Name extends ActionName<DeclaredOf<Given>>>(
  client: Given,
  action: Name,
  ...data: RequestData<RequestInput<DeclaredOf<Given>, Name>>
): RequestStore<ReplyOf<DeclaredOf<Given>, Name>>;
export function requestStore<Reply = unknown, Given extends AnyClient = AnyClient>(
  client: Given,
  action: UndeclaredName<DeclaredOf<Given>>,
  data?: unknown,
): RequestStore<Reply>;
export function requestStore(client: AnyClient, action: string, data?: unknown): RequestStore<never> {
  return shared(client, ["request", action, data], () => {
    const followed = untyped(client);
    let refresh: (() => Promise<void>) | undefined;
    const start = (run: Run<Requested<unknown>>): void => {
      refresh = asking(followed, run, action, data);
      void refresh();
    };
    const store = new SharedStore<Requested<unknown>>({ client: followed, initial: LOADING, start });
    return Object.assign(store, { refresh: async () => refresh?.() });
  }) as unknown as RequestStore<never>; // the declaration, or the caller, knows the handler
}

/** @returns the function that asks */
function asking(
  client: StoreClient,
  run: Run<Requested<unknown>>,
  action: string,
  data: unknown,
): () => Promise<void> {
  const { signal } = run;
  let asked = 0;
  return async () => {
    const ask = ++asked;
    let answer: Partial<Requested<unknown>>;
    run.change({ state: "loading" });
    try {
      const options = { idempotent: true, signal };
      const reply = await insist(client, signal, () => client.request(action, data, options));
      answer = { data: reply, state: "ready", error: undefined };
    } catch (error) {
      answer = { state: "failed", error: error as TidingsError }; // a call rejects with nothing else
    }
    // A later request has a newer answer.
    if (ask === asked) run.change(answer);
  };
}
