import type { TidingsError, TokenSource } from "../../client/client.ts";
import { randomName } from "../browser.ts";
import { type Bus, busNames, type OpenBus, type Sharing, type ToHost, type ToTabs } from "../bus.ts";
import { type HostSocket, type SocketPort, socketClass } from "./socket.ts";

export interface LinkOptions {
  readonly group: string;
  readonly openBus: OpenBus;
  /** For a host that cannot call it. */
  readonly token: TokenSource | undefined;
  /** Groups that the application has joined. */
  readonly joined: ReadonlySet<string>;
  /** Called with frames about the outbox and the end of the session. */
  heard(frame: ToTabs): void;
  /** Called when no host answers: the one that leads is frozen or hangs. */
  deaf(): void;
}

/** Time for a host to answer, in milliseconds. The second half is random, so that few tabs at a time take its place. */
const ANSWER_MS = 5_000;

/** The way from a tab to the host, whichever that is now. */
export class Link implements SocketPort {
  readonly #options: LinkOptions;
  readonly #id = randomName();
  /** Lock that the tab holds while it lives. */
  readonly lock: string;
  readonly Socket = socketClass(this.#id, this);
  #up: Bus<ToHost> | undefined;
  #down: Bus<ToTabs> | undefined;
  #socket: HostSocket | undefined;
  #sharing: Sharing | undefined;
  #waiting: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.lock = `${options.group} tab ${this.#id}`;
  }

  /** Holder of the connection. Undefined until a host was heard. */
  get sharing(): Sharing | undefined {
    return this.#sharing;
  }

  /** Begins, or begins again after the page was frozen. */
  start(): void {
    const { group, openBus } = this.#options;
    const { up, down } = busNames(group);
    this.#up = openBus(up, () => {});
    this.#down = openBus(down, (frame: ToTabs) => this.#receive(frame));
    if (this.#socket) this.opened(this.#socket);
  }

  stop(): void {
    clearTimeout(this.#waiting);
    const socket = this.#socket;
    if (socket) this.closed(socket);
    socket?.end(1_006, "frozen");
    this.#up?.close();
    this.#down?.close();
    this.#up = this.#down = undefined;
  }

  opened(socket: HostSocket): void {
    this.#socket = socket;
    this.tell({ kind: "open", socket: socket.id, lock: this.lock, joined: [...this.#options.joined] });
    clearTimeout(this.#waiting);
    if (this.#up) this.#waiting = setTimeout(() => this.#options.deaf(), ANSWER_MS * (1 + Math.random()));
  }

  send(socket: HostSocket, text: string): void {
    this.tell({ kind: "text", socket: socket.id, text });
  }

  closed(socket: HostSocket): void {
    if (this.#socket === socket) {
      this.#socket = undefined;
      clearTimeout(this.#waiting);
    }
    this.tell({ kind: "shut", socket: socket.id });
  }

  /** Tells the host. */
  tell(frame: ToHost): void {
    this.#up?.post(frame);
  }

  /** Tells the other tabs. */
  share(frame: ToTabs): void {
    this.#down?.post(frame);
  }

  /** Tells the host and the other tabs that the user logs out, also when this tab is closed or frozen. */
  forget(): void {
    const isStopped = !this.#up;
    if (isStopped) this.start();
    this.share({ kind: "forget" });
    this.tell({ kind: "forget" });
    if (isStopped) this.stop();
  }

  #receive(frame: ToTabs): void {
    const socket = this.#socket;
    if ("sockets" in frame && !(socket && frame.sockets.includes(socket.id))) return;
    switch (frame.kind) {
      case "hello":
        this.#sharing = frame.sharing;
        if (socket?.host && socket.host !== frame.host) this.#lost(socket, 1_006, "new host");
        else if (socket && !socket.host) this.opened(socket);
        break;
      case "opened":
        if (!socket || socket.host) return;
        this.#sharing = frame.sharing;
        clearTimeout(this.#waiting);
        socket.accept(frame.host);
        break;
      case "text":
        if (frame.host === socket?.host) socket.receive(frame.text);
        return;
      case "shut":
        if (socket && frame.host === socket.host) this.#lost(socket, frame.code, frame.reason);
        return;
      case "ask":
        return void this.#giveToken(frame.ask);
    }
    this.#options.heard(frame);
  }

  #lost(socket: HostSocket, code: number, reason: string): void {
    this.#socket = undefined;
    socket.end(code, reason);
  }

  async #giveToken(ask: string): Promise<void> {
    const { token } = this.#options;
    try {
      const text = (typeof token === "function" ? await token() : token) ?? undefined;
      this.tell({ kind: "token", ask, token: text });
    } catch (cause) {
      const { code = "unavailable", message = String(cause) } = cause as Partial<TidingsError>;
      this.tell({ kind: "token", ask, error: { code, message } });
    }
  }
}
