import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";

export interface SessionLimits {
  /** Sessions of the server. One more cuts the longest idle one, or is refused. */
  readonly maxSessions: number;
  /** Time without a call after which a session is closed, in milliseconds. */
  readonly idleMs: number;
  /** Decides about a new socket by its peer's address, before anything is read of it. */
  readonly refuses: (peer: string) => boolean;
  /** Pause between two pings of a session. One that has not answered until the next is cut. */
  readonly pingMs: number;
}

/** Calls of a session, and its pings. */
interface Known {
  calls: number;
  idleSince: number;
  isSilent: boolean;
}

/** The HTTP/2 sessions of a server: bounds their number, and ends those that are idle or whose peer is gone. */
export class Sessions {
  readonly #limits: SessionLimits;
  /** Those without calls are in the order in which they became idle. */
  readonly #sessions = new Map<ServerHttp2Session, Known>();
  readonly #timer: NodeJS.Timeout;
  /** Sessions that were cut or refused because there were too many. */
  cut = 0;

  constructor(limits: SessionLimits) {
    this.#limits = limits;
    this.#timer = setInterval(() => this.#sweep(), limits.pingMs).unref();
  }

  get size(): number {
    return this.#sessions.size;
  }

  watch(server: Http2Server): void {
    server.prependListener("connection", (socket: Socket) => {
      if (this.#limits.refuses(socket.remoteAddress ?? "")) socket.resetAndDestroy();
    });
    server.on("session", (session) => this.#begin(session));
    // The session is destroyed, and nothing else is to be done.
    server.on("sessionError", () => undefined);
  }

  /** Lets the calls of all sessions end, and takes no new ones. Cuts what is left after a time. */
  async close(limitMs: number): Promise<void> {
    clearInterval(this.#timer);
    const closed = [...this.#sessions.keys()].map(
      (session) =>
        new Promise<void>((resolve) => {
          session.once("close", resolve);
          session.close();
        }),
    );
    const timer = setTimeout(() => {
      for (const session of this.#sessions.keys()) session.destroy();
    }, limitMs);
    await Promise.all(closed);
    clearTimeout(timer);
  }

  #begin(session: ServerHttp2Session): void {
    if (this.#sessions.size >= this.#limits.maxSessions && !this.#cutIdle()) {
      this.cut++;
      session.destroy();
      return;
    }
    const known: Known = { calls: 0, idleSince: performance.now(), isSilent: false };
    this.#sessions.set(session, known);
    session.once("close", () => this.#sessions.delete(session));
    session.on("stream", (stream) => {
      known.calls++;
      stream.once("close", () => {
        known.calls--;
        if (known.calls === 0) this.#idle(session, known);
      });
    });
  }

  #idle(session: ServerHttp2Session, known: Known): void {
    known.idleSince = performance.now();
    // Behind the sessions that have been idle for longer.
    if (this.#sessions.delete(session)) this.#sessions.set(session, known);
  }

  #cutIdle(): boolean {
    for (const [session, { calls }] of this.#sessions) {
      if (calls > 0) continue;
      this.cut++;
      this.#sessions.delete(session);
      session.destroy();
      return true;
    }
    return false;
  }

  #sweep(): void {
    const now = performance.now();
    for (const [session, known] of this.#sessions) {
      if (known.isSilent) session.destroy();
      else if (known.calls === 0 && now - known.idleSince >= this.#limits.idleMs) session.close();
      else this.#ping(session, known);
    }
  }

  #ping(session: ServerHttp2Session, known: Known): void {
    if (session.closed || session.destroyed) return;
    known.isSilent = true;
    session.ping((error) => {
      if (error === null) known.isSilent = false;
    });
  }
}
