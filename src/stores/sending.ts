import type { Outgoing, Receipt, SendOptions, Status, TidingsError } from "../client/client.ts";
import { Snapshots, type Store } from "./snapshots.ts";
import { type AnyClient, type DeclaredOf, type StoreClient, untyped } from "./store-client.ts";

/**
 * State of a message that was sent. `queued`: the client waits for a connection. `sent`: it is on its way, or was ephemeral.
 * `stored`: the history has it. `delivered`: a connection took it. `acknowledged`: the receiver has handled it; only with `ack`.
 * `failed`: `error` says why.
 */
export type SendState = "queued" | "sent" | "stored" | "delivered" | "acknowledged" | "failed";

/** A message that was sent through a store. */
export interface SentMessage<Declared = Record<string, unknown>> {
  /** Name of the message in the store, and its idempotency key when it is stored. */
  readonly key: string;
  readonly message: Outgoing<Declared>;
  readonly state: SendState;
  /** Milliseconds since 1970, by the clock of this device. */
  readonly sentAt: number;
  /** Its `id` is that of the message in the list of a channel. */
  readonly receipt: Receipt | undefined;
  readonly error: TidingsError | undefined;
}

export interface SendingStore<Declared = Record<string, unknown>>
  extends Store<readonly SentMessage<Declared>[]> {
  /** Sends a message as `client.send` does, and shows what becomes of it. A rejection that nobody awaits ends no program. */
  send(message: Outgoing<Declared>, options?: SendOptions): Promise<Receipt>;
  /** Sends a message that failed once more, with its key: it is stored once. Rejects with an Error for an unknown key. */
  retry(key: string): Promise<Receipt>;
  /** Takes a message that failed, or whose state is of no interest any more, from the list. */
  discard(key: string): void;
}

/** Messages in their final state that the list keeps. */
const KEPT = 100;

/** A message of any declaration, as the wire has it. */
type AnyMessage = Outgoing<Record<string, unknown>>;

/** One for each client, for its whole life: what a component sends goes on when it is gone. */
const stores = new WeakMap<AnyClient, Sending>();

/** What was sent through this store, oldest first: all that are under way, and the last 100 others. */
export function sendingStore<Given extends AnyClient>(client: Given): SendingStore<DeclaredOf<Given>> {
  const store = stores.get(client) ?? new Sending(untyped(client));
  stores.set(client, store);
  return store as unknown as SendingStore<DeclaredOf<Given>>; // the declaration says what is in its messages
}

class Sending extends Snapshots<readonly SentMessage[]> implements SendingStore {
  readonly #client: StoreClient;
  /** First part of the keys. Pages without TLS have no `crypto`, and a key is no secret. */
  readonly #prefix = `${Math.random()}${Math.random()}`;
  #keys = 0;
  #isFollowing = false;
  #user: string | undefined;

  constructor(client: StoreClient) {
    super([]);
    this.#client = client;
  }

  readonly send = (message: AnyMessage, options?: SendOptions): Promise<Receipt> => {
    this.#follow();
    const key = message.key ?? `${this.#prefix}-${++this.#keys}`;
    const others = this.get().filter((each) => each.key !== key);
    const fields = { sentAt: Date.now(), receipt: undefined, error: undefined };
    this.set(trimmed([...others, { key, message, state: this.#outset(), ...fields }]));
    // An ephemeral message is sent once, and needs no key.
    const sending = this.#client.send(message.ephemeral ? message : { ...message, key }, options);
    return this.#settle(key, sending);
  };

  readonly retry = (key: string): Promise<Receipt> => {
    const sent = this.get().find((each) => each.key === key);
    if (!sent) return Promise.reject(new Error(`no message has the key ${key}`));
    return this.send({ ...sent.message, key });
  };

  readonly discard = (key: string): void => {
    this.set(this.get().filter((each) => each.key !== key));
  };

  #settle(key: string, sending: Promise<Receipt>): Promise<Receipt> {
    sending.then(
      (receipt) => this.#change(key, { receipt, state: stateOf(receipt) }),
      (error: TidingsError) => this.#change(key, { error, state: "failed" }),
    );
    return sending;
  }

  /** Follows the client from the first message on. The client forgets the listener with itself. */
  #follow(): void {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    this.#user = this.#client.user;
    this.#client.onStatus((status) => this.#told(status));
  }

  #told(status: Status): void {
    const moved = (from: SendState, to: SendState): void =>
      this.set(
        this.get().map((each) => (each.state === from && !each.receipt ? { ...each, state: to } : each)),
      );
    if (status.type === "open") {
      const { user } = status.welcome;
      // Whoever logs in next must not see them.
      if (this.#user !== undefined && this.#user !== user) this.set([]);
      this.#user = user;
      moved("queued", "sent");
    } else if (status.type === "closed" || status.type === "paused") moved("sent", "queued");
    else if (status.type === "acked") {
      const acked = this.get().find(({ receipt }) => receipt?.id === status.id);
      if (acked) this.#change(acked.key, { state: "acknowledged" });
    }
  }

  #outset(): SendState {
    return this.#client.state === "open" ? "sent" : "queued";
  }

  #change(key: string, fields: Partial<SentMessage>): void {
    this.set(this.get().map((each) => (each.key === key ? { ...each, ...fields } : each)));
  }
}

function stateOf({ state, offset }: Receipt): SendState {
  if (state === "acked") return "acknowledged";
  if (state === "delivered") return state;
  return offset === undefined ? "sent" : "stored";
}

const isUnderWay = ({ receipt, error }: SentMessage): boolean => !receipt && !error;

function trimmed(sent: readonly SentMessage[]): readonly SentMessage[] {
  const surplus = sent.filter((each) => !isUnderWay(each)).length - KEPT;
  if (surplus <= 0) return sent;
  const old = new Set(sent.filter((each) => !isUnderWay(each)).slice(0, surplus));
  return sent.filter((each) => !old.has(each));
}
