import type { Server } from "node:http";
import type { Socket } from "node:net";
import { destroyStream } from "../socket/refusal.ts";
import { readUpgrade } from "./upgrade-request.ts";

/** The answer to a socket that sends no request in time, as Node gives it (RFC 9110 section 15.5.9). */
const TIMED_OUT = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n";

/** Pause between two checks for silent sockets. */
const CHECK_MS = 100;

/** A socket whose buffered bytes go to whoever listens next, as Node leaves the socket of an upgrade. */
type Unread = Omit<Socket, "readableFlowing"> & { readableFlowing: boolean | null };

/**
 * Looks at the first bytes of each socket of a server: an upgrade that {@link readUpgrade} can read becomes the event `upgrade` at once, and everything
 * else goes to Node's parser, as if nobody had looked. A socket that sends nothing within the deadline is cut with 408; with the first byte of a request that
 * Node reads, Node's own deadline begins.
 * @param server a new server of node:http
 */
export function readUpgradesFirst(server: Server, deadlineMs: number): void {
  const parsers = server.listeners("connection") as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners("connection");
  /** Silent sockets and when they came, oldest first. */
  const silent = new Map<Socket, number>();

  // The listeners serve all sockets: closures for each would cost more than the look.
  function onData(this: Socket, bytes: Buffer): void {
    leave(this);
    (this as Unread).readableFlowing = null;
    const upgrade = readUpgrade(bytes, this);
    if (upgrade !== undefined) {
      server.emit("upgrade", upgrade.request, this, upgrade.head);
      return;
    }
    this.unshift(bytes);
    for (const parse of parsers) parse.call(server, this);
  }

  function onEnd(this: Socket): void {
    leave(this);
    this.destroy();
  }

  function leave(socket: Socket): void {
    silent.delete(socket);
    socket.off("data", onData).off("end", onEnd).off("error", onEnd).off("close", onEnd);
  }

  server.on("connection", (socket) => {
    if (socket.destroyed) return;
    silent.set(socket, performance.now());
    socket.on("data", onData).on("end", onEnd).on("error", onEnd).on("close", onEnd);
  });

  const cutSilent = (): void => {
    const late = performance.now() - deadlineMs;
    for (const [socket, since] of silent) {
      if (since > late) return;
      leave(socket);
      socket.on("error", destroyStream).write(TIMED_OUT);
      socket.destroySoon();
    }
  };
  // A server that never listens never closes either.
  server.once("listening", () => {
    const timer = setInterval(cutSilent, Math.min(deadlineMs, CHECK_MS)).unref();
    server.once("close", () => clearInterval(timer));
  });
}
