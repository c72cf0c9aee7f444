import type { WebSocketConstructor, WebSocketLike } from "../../client/client.ts";

/** The ends of a socket. */
export interface SocketPort {
  /** Called when the SDK starts an attempt. */
  opened(socket: HostSocket): void;
  send(socket: HostSocket, text: string): void;
  closed(socket: HostSocket): void;
}

const OPEN = 1;
const CLOSED = 3;

/** What the SDK of a tab takes for its WebSocket: a connection to the host. */
export interface HostSocket extends WebSocketLike {
  readonly id: string;
  /** The host that has accepted it. A frame of another host is not for this socket. */
  host: string | undefined;
  accept(host: string): void;
  receive(text: string): void;
  /** Ends the socket as if the server had closed it. */
  end(code: number, reason: string): void;
}

/** Makes the class whose sockets lead to the host. */
export function socketClass(tab: string, port: SocketPort): WebSocketConstructor {
  let sockets = 0;
  return class implements HostSocket {
    readonly id = `${tab} ${++sockets}`;
    host: string | undefined;
    readyState = 0;
    onopen: ((event: never) => void) | null = null;
    onmessage: ((event: never) => void) | null = null;
    onclose: ((event: never) => void) | null = null;
    onerror = null;

    constructor() {
      port.opened(this);
    }

    accept(host: string): void {
      this.host = host;
      this.readyState = OPEN;
      // The SDK reads the fields of these events, and nothing else.
      this.onopen?.({} as never);
    }

    receive(data: string): void {
      this.onmessage?.({ data } as never);
    }

    send(text: string): void {
      port.send(this, text);
    }

    close(code = 1_000, reason = ""): void {
      if (this.readyState === CLOSED) return;
      port.closed(this);
      setTimeout(() => this.end(code, reason));
    }

    end(code: number, reason: string): void {
      if (this.readyState === CLOSED) return;
      this.readyState = CLOSED;
      this.onclose?.({ code, reason } as never);
    }
  };
}
