import { readMarker } from "../measure/marker.ts";
import type { Plan, Role, Stream } from "../plan.ts";
import { clientText } from "../socket/frames.ts";
import { type Endpoint, LeanWebSocket } from "../socket/web-socket.ts";
import {
  type Client,
  type ClientListener,
  type ClientOptions,
  type Pending,
  plain,
  type TokenOf,
} from "./client.ts";
import { Positions } from "./positions.ts";

/** Ids of requests. Messages have larger ones. */
const JOIN = 1;
const RESUME = 2;
const FIRST_MESSAGE = 10;

/** Pause after a request that the server refused. */
const RESUME_PAUSE_MS = 1_000;

/** The fields of the server's frames that count here. */
interface Frame {
  readonly event?: string;
  readonly type?: string;
  readonly id?: number;
  readonly data?: unknown;
  readonly to?: string;
  readonly group?: string;
  readonly offset?: number;
  readonly channel?: string;
  readonly epoch?: string;
  readonly recovered?: boolean;
  readonly missed?: boolean;
  readonly node?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/**
 * A client that speaks `tidings.v1` as the SDK does, in a fraction of its memory: it resumes where it was when it comes back, and asks
 * for what was dropped. It follows one channel: its group, or else its user's.
 */
export class TidingsClient implements Client {
  readonly role: Role;
  plannedUs = 0;
  node: string | undefined;
  readonly #plan: Plan;
  readonly #prefix: string;
  readonly #tokenOf: TokenOf;
  readonly #listener: ClientListener;
  readonly #channel: string;
  readonly #positions = new Positions();
  #pending = new Map<number, Pending>();
  #nextId = FIRST_MESSAGE;
  #socket: LeanWebSocket | undefined;
  #state: "away" | "connecting" | "placing" | "open" = "away";
  /** Counts the attempts, so that a token that comes late opens nothing. */
  #attempt = 0;

  constructor({ plan, role, tokenOf, listener }: ClientOptions, prefix: string) {
    this.role = role;
    this.#plan = plan;
    this.#prefix = prefix;
    this.#tokenOf = tokenOf;
    this.#listener = listener;
    this.#channel = role.group === undefined ? `user:${role.user}` : `group:${role.group}`;
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get isOver(): boolean {
    return this.#socket?.isOver ?? true;
  }

  get pending(): number {
    return this.#pending.size;
  }

  get unsentBytes(): number {
    return this.#socket?.unsentBytes ?? 0;
  }

  open(): void {
    this.#state = "connecting";
    const attempt = ++this.#attempt;
    const { user, index } = this.role;
    this.#tokenOf(user, index).then(
      (token) => {
        if (attempt === this.#attempt) this.#connect(token);
      },
      (error: Error) => this.#listener.ended(this, { type: "failed", reason: error.message }),
    );
  }

  send({ to, group }: Stream, data: string, pending: Pending): void {
    const id = this.#nextId++;
    this.#pending.set(id, pending);
    const ephemeral = this.#plan.ephemeral ? true : undefined;
    this.#request({ id, type: "bench", to, group, ephemeral, data });
  }

  /** Sends a request that the server answers at once. */
  ask(pending: Pending): void {
    const id = this.#nextId++;
    this.#pending.set(id, pending);
    this.#request({ id, action: "robot.ping" });
  }

  takePending(): Pending[] {
    const pending = [...this.#pending.values()];
    this.#pending = new Map();
    return pending;
  }

  cut(): void {
    this.#over();
    this.#socket?.cut();
  }

  close(): void {
    this.#over();
    this.#socket?.close();
  }

  #over(): void {
    this.#attempt++;
    this.#state = "away";
    this.#positions.answered();
  }

  #connect(token: string | undefined): void {
    const { target, user, localAddress } = this.role;
    const query = new URLSearchParams({ platform: "web", device: "bench" });
    if (token === undefined) query.set("user_id", user);
    const position = this.#positions.position;
    if (position !== undefined) query.set("resume", JSON.stringify({ [this.#channel]: position }));
    const endpoint: Endpoint = { ...target.endpoint, localAddress };
    const headers = token === undefined ? [] : [`Authorization: Bearer ${token}`];
    this.#socket = new LeanWebSocket(endpoint, `${target.path}?${query}`, headers, {
      opened: () => {},
      text: (text) => this.#text(text),
      ended: (ending) => {
        this.#over();
        this.#listener.ended(this, ending);
      },
    });
  }

  #text(text: string): void {
    const frame: Frame = JSON.parse(text); // a server that sends something else ends the connection with its error
    if (frame.type !== undefined) this.#push(frame);
    else if (frame.event === "welcome") this.#welcomed(frame);
    else if (frame.event === "position") this.#placed(frame);
    else if (frame.id !== undefined) this.#replied(frame.id, frame);
    else if (frame.error !== undefined) this.#listener.noticed(`error: ${errorWords(frame.error)}`);
  }

  #welcomed({ node }: Frame): void {
    this.node = node;
    this.#state = "placing";
    const { group } = this.role;
    const isResumed = this.#positions.position !== undefined;
    if (group !== undefined && !isResumed) this.#request({ id: JOIN, action: "group.join", data: { group } });
  }

  #placed({ channel, epoch = "", offset = 0, recovered = true, missed }: Frame): void {
    if (channel !== this.#channel) return;
    if (!this.#positions.told({ epoch, offset, recovered, missed })) this.#listener.noticed("unrecovered");
    if (this.#state === "placing") {
      this.#state = "open";
      this.#listener.opened(this);
    }
    this.#fill();
  }

  #push({ offset, data, to, group }: Frame): void {
    const marker = typeof data === "string" ? readMarker(this.#prefix, data) : undefined;
    if (marker === undefined && offset === undefined) return; // of somebody else
    // A client that follows a group gets messages of its user too. The run sends none, but others may.
    const isTracked = this.role.group === undefined ? to !== undefined : group === this.role.group;
    const verdict = isTracked && offset !== undefined ? this.#positions.message(offset) : "take";
    if (verdict === "repeat") this.#listener.noticed("repeat");
    else if (verdict === "wait") this.#fill();
    else if (marker !== undefined) this.#listener.message(this, marker);
  }

  /** Asks for what was dropped on the way. */
  #fill(): void {
    const position = this.#positions.ask();
    if (position === undefined) return;
    this.#listener.noticed("gap");
    this.#request({ id: RESUME, action: "message.resume", data: { channel: this.#channel, ...position } });
  }

  #replied(id: number, { error }: Frame): void {
    const refusal = error === undefined ? undefined : errorWords(error);
    const pending = this.#pending.get(id);
    if (pending !== undefined) {
      this.#pending.delete(id);
      return void this.#listener.answered(pending, refusal);
    }
    if (id === RESUME) this.#resumed(refusal !== undefined);
    if (refusal === undefined) return;
    if (id !== JOIN) return void this.#listener.noticed(`error: ${refusal}`);
    this.cut();
    this.#listener.ended(this, { type: "failed", reason: `group.join: ${refusal}` });
  }

  /** A server that refuses is asked again, but not at once. */
  #resumed(isRefused: boolean): void {
    const attempt = this.#attempt;
    const again = (): void => {
      if (attempt !== this.#attempt) return; // another connection has its own positions
      this.#positions.answered();
      this.#fill();
    };
    if (isRefused) setTimeout(again, RESUME_PAUSE_MS);
    else again();
  }

  #request(message: object): void {
    this.#socket?.send(clientText(JSON.stringify(message)));
  }
}

const errorWords = ({ code, message }: { code: string; message: string }): string =>
  `${code}: ${plain(message)}`;
