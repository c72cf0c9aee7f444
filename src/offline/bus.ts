import type { ErrorCode, Receipt } from "../client/client.ts";
import type { BroadcastPort, Platform } from "./browser.ts";

/** Version of the frames below. Tabs of another version, after a deployment, are a group of their own. */
export const VERSION = 1;

/** Holder of the connection: a SharedWorker, one of the tabs, or nothing: this tab has a connection of its own. */
export type Sharing = "shared-worker" | "leader-tab" | "alone";

/** A frame from a tab to the host, whichever that is. A socket is one attempt of a tab to connect to a host. */
export type ToHost =
  /** A tab connects. It holds the lock for as long as it lives. */
  | {
      readonly kind: "open";
      readonly socket: string;
      readonly lock: string;
      /** Groups that its application has joined. */
      readonly joined: readonly string[];
    }
  /** A frame of the wire protocol. */
  | { readonly kind: "text"; readonly socket: string; readonly text: string }
  | { readonly kind: "shut"; readonly socket: string }
  /** The page woke up, or the application wants a connection now. */
  | { readonly kind: "wake" }
  /** A message is in the outbox. */
  | { readonly kind: "outbox" }
  /** The answer to `ask`. */
  | {
      readonly kind: "token";
      readonly ask: string;
      readonly token?: string | undefined;
      readonly error?: Failure | undefined;
    }
  /** The user logs out. */
  | { readonly kind: "forget" };

/** A frame from the host to tabs. Those with `sockets` are for these only. */
export type ToTabs =
  /** A host begins. */
  | { readonly kind: "hello"; readonly host: string; readonly sharing: Sharing }
  | {
      readonly kind: "opened";
      readonly host: string;
      readonly sharing: Sharing;
      readonly sockets: readonly string[];
      /** The host reads the outbox. One whose database does not open sends nothing of it. */
      readonly keeps: boolean;
    }
  | {
      readonly kind: "text";
      readonly host: string;
      readonly sockets: readonly string[];
      readonly text: string;
    }
  | {
      readonly kind: "shut";
      readonly host: string;
      readonly sockets: readonly string[];
      readonly code: number;
      readonly reason: string;
    }
  /** Asks one tab for a token. */
  | { readonly kind: "ask"; readonly sockets: readonly string[]; readonly ask: string }
  /** A message of the outbox has its receipt. */
  | { readonly kind: "sent"; readonly key: string; readonly message: object; readonly receipt: Receipt }
  /** A message of the outbox was refused. A tab sends this, too, for one that it has removed. */
  | { readonly kind: "failed"; readonly key: string; readonly error: Failure }
  /** The outbox has changed. A tab sends this, too. */
  | { readonly kind: "outbox" }
  /** The user logs out. A tab sends this. */
  | { readonly kind: "forget" };

/** A TidingsError, as it is kept and passed between tabs. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
}

/** The fate of a message is not known, and too late to ask for: the server has forgotten its key. */
export const IN_DOUBT: Failure = {
  code: "timeout",
  message: "no receipt in time: the message may be stored or not",
};

/** One end of a channel between the tabs of a user. It does not hear itself. */
export interface Bus<Sent> {
  post(frame: Sent): void;
  close(): void;
}

/** Opens an end of a channel by its name. Frames arrive in later tasks, in order. */
export type OpenBus = <Sent, Received>(name: string, receive: (frame: Received) => void) => Bus<Sent>;

/** Names of the two channels of a group of tabs: each frame has one direction. */
export const busNames = (group: string): { up: string; down: string } => ({
  up: `${group} up`,
  down: `${group} down`,
});

/** Channels between the tabs of a browser. */
export const broadcastBus =
  (BroadcastChannel: NonNullable<Platform["BroadcastChannel"]>): OpenBus =>
  <Sent, Received>(name: string, receive: (frame: Received) => void) => {
    const port: BroadcastPort = new BroadcastChannel(name);
    port.onmessage = ({ data }: { data: Received }) => receive(data);
    return { post: (frame: Sent) => port.postMessage(frame), close: () => port.close() };
  };

/** Channels inside of one page, for a client that shares nothing. */
export function localBus(): OpenBus {
  const ends = new Map<object, { readonly name: string; readonly receive: (frame: never) => void }>();
  return <Sent, Received>(name: string, receive: (frame: Received) => void) => {
    const self = {};
    ends.set(self, { name, receive });
    const post = (frame: Sent): void => {
      for (const [end, other] of ends) {
        if (end === self || other.name !== name) continue;
        // The two sides of a channel agree on its frames.
        setTimeout(() => ends.has(end) && other.receive(frame as never));
      }
    };
    return { post, close: () => void ends.delete(self) };
  };
}
