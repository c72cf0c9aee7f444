import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { ProxySockets } from "./proxy-sockets.ts";

/** A port on this machine to which connections can be sent. */
interface Backend {
  readonly port: number;
}

/** Sends each connection to the next node, and to the one after when that does not take it. `await using` ends it. */
export class Balancer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new ProxySockets();
  /** The nodes in rotation: a test may take one out. */
  backends: readonly Backend[];

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
    await this.#sockets.end(this.#server);
  }

  async #carry(near: Socket): Promise<void> {
    this.#sockets.keep(near);
    const far = await this.#sockets.reach(this.backends.map(({ port }) => port));
    if (far === undefined) return void near.destroy();
    near.pipe(far).on("close", () => near.destroy());
    far.pipe(near).on("close", () => far.destroy());
  }
}
