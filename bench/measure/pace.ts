import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/**
 * Tells the publisher which ticks have arrived: receivers write one byte per tick to a socket of their own. It costs
 * the server one small read per tick and receiver, under 1 % of what a tick costs.
 */
export class PaceServer {
  readonly port: number;
  readonly #confirmed = new Map<Socket, number>();
  #wake: () => void = () => {};

  static async listen(): Promise<PaceServer> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the pace server has no port");
    const pace = new PaceServer(address.port);
    server.on("connection", (socket) => pace.#accept(socket));
    return pace;
  }

  private constructor(port: number) {
    this.port = port;
  }

  /** Forgets what was confirmed; the next tick is the first again. */
  reset(): void {
    for (const socket of this.#confirmed.keys()) this.#confirmed.set(socket, 0);
  }

  /** Resolves when so many receivers have confirmed so many ticks. */
  async reach(ticks: number, receivers: number): Promise<void> {
    while (this.#ticksOfAll(receivers) < ticks) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #ticksOfAll(receivers: number): number {
    return this.#confirmed.size < receivers ? 0 : Math.min(...this.#confirmed.values());
  }

  #accept(socket: Socket): void {
    this.#confirmed.set(socket, 0);
    socket.on("data", (bytes) => {
      this.#confirmed.set(socket, (this.#confirmed.get(socket) ?? 0) + bytes.length);
      this.#wake();
    });
    socket.on("close", () => this.#confirmed.delete(socket));
    socket.on("error", () => socket.destroy());
  }
}

/** The receivers' end. */
export class PaceClient {
  readonly #socket: Socket;

  static async connect(port: number): Promise<PaceClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new PaceClient(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  confirm(ticks: number): void {
    this.#socket.write(Buffer.alloc(ticks));
  }
}
