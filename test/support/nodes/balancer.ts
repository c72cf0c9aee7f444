import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A port on this machine to which connections can be sent. */
interface Backend {
  readonly port: number;
}

/** Sends each connection to the next node, and to the one after when that does not take it. `await using` ends it. */
export class Balancer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The nodes in rotation: a test may take one out. */
  backends: readonly Backend[];
  #next = 0;

  private constructor(server: Server, backends: readonly Backend[]) {
    this.#server = server;
    this.backends = backends;
    server.on("connection", (near) => this.#carry(near));
  }

  static async start(backends: readonly Backend[]): Promise<Balancer> {
    const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Balancer(server, backends);
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo; // a TCP server's address is never a path
    return `ws://127.0.0.1:${port}/ws`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  async #carry(near: Socket): Promise<void> {
    this.#keep(near);
    const far = await this.#reach();
    if (far === undefined) return void near.destroy();
    near.pipe(far).on("close", () => near.destroy());
    far.pipe(near).on("close", () => far.destroy());
  }

  /** A connection to the first node that takes one. */
  async #reach(): Promise<Socket | undefined> {
    for (const _ of this.backends) {
      const backend = this.backends[this.#next++ % this.backends.length];
      const far = connect(backend?.port ?? 0, "127.0.0.1");
      this.#keep(far);
      const connected = once(far, "connect").then(
        () => true,
        () => false,
      );
      if (await connected) return far;
    }
    return undefined;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
  }
}
