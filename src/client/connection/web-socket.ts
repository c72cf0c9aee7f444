/** Fields of a WebSocket event. Which of them are present depends on the event's type. */
export interface WebSocketEvent {
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** Browsers, Node and `ws` declare different event classes; each has the fields of {@link WebSocketEvent}. */
type Handler = (event: never) => void;

/** The part of a WebSocket that the client uses. Browsers, Node and the package `ws` have it. */
export interface WebSocketLike {
  readonly readyState: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: Handler | null;
  onmessage: Handler | null;
  onclose: Handler | null;
  onerror: Handler | null;
}

/** Opens a WebSocket to a URL with one subprotocol. */
export type WebSocketConstructor = new (url: string, protocol: string) => WebSocketLike;
