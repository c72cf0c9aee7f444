import { readMarker } from "../measure/marker.ts";
import type { Plan, Role, Stream } from "../plan.ts";
import { clientText } from "../socket/frames.ts";
import { LeanWebSocket } from "../socket/web-socket.ts";
import type { Client, ClientListener, ClientOptions, Pending } from "./client.ts";

/** A client of any WebSocket server: it sends a text, and looks for its marker in whatever comes. */
export class RawClient implements Client {
  readonly role: Role;
  plannedUs = 0;
  readonly node = undefined;
  readonly pending = 0;
  readonly #plan: Plan;
  readonly #prefix: string;
  readonly #listener: ClientListener;
  #socket: LeanWebSocket | undefined;
  #isOpen = false;

  constructor({ plan, role, listener }: ClientOptions, prefix: string) {
    this.role = role;
    this.#plan = plan;
    this.#prefix = prefix;
    this.#listener = listener;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isOver(): boolean {
    return this.#socket?.isOver ?? true;
  }

  get unsentBytes(): number {
    return this.#socket?.unsentBytes ?? 0;
  }

  open(): void {
    const { target, localAddress } = this.role;
    this.#socket = new LeanWebSocket({ ...target.endpoint, localAddress }, target.path, [], {
      opened: () => {
        this.#isOpen = true;
        this.#listener.opened(this);
      },
      text: (text) => {
        const marker = readMarker(this.#prefix, text);
        if (marker !== undefined) this.#listener.message(this, marker);
      },
      ended: (ending) => {
        this.#isOpen = false;
        this.#listener.ended(this, ending);
      },
    });
  }

  /** Nobody answers: what such a server does with a message is not known. */
  send(_stream: Stream, data: string): void {
    this.#socket?.send(clientText((this.#plan.template ?? "{marker}").replaceAll("{marker}", () => data)));
  }

  takePending(): Pending[] {
    return [];
  }

  cut(): void {
    this.#isOpen = false;
    this.#socket?.cut();
  }

  close(): void {
    this.#isOpen = false;
    this.#socket?.close();
  }
}
