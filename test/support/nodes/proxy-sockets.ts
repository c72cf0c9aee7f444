import { once } from "node:events";
import { connect, type Server, type Socket } from "node:net";

/** The sockets of a TCP proxy on loopback, which end with it. */
export class ProxySockets {
  readonly #sockets = new Set<Socket>();
  #next = 0;

  /** Keeps a socket until it closes. Its errors are expected. */
  keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
  }

  /** Connects to the next port, and to the one after when that refuses. @returns undefined when all refuse */
  async reach(ports: readonly number[]): Promise<Socket | undefined> {
    for (const _ of ports) {
      const socket = connect(ports[this.#next++ % ports.length] ?? 0, "127.0.0.1");
      this.keep(socket);
      const connected = once(socket, "connect").then(
        () => true,
        () => false,
      );
      if (await connected) return socket;
    }
    return undefined;
  }

  /** Closes the server of the proxy and all sockets. */
  async end(server: Server): Promise<void> {
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, "close");
  }
}
