import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** The network between browsers and a hub, which a test can cut. It ends with the test. */
export class Cable {
  readonly url: string;
  readonly #sockets: Set<Socket>;
  readonly #state: { isCut: boolean };

  private constructor(url: string, sockets: Set<Socket>, state: { isCut: boolean }) {
    this.url = url;
    this.#sockets = sockets;
    this.#state = state;
  }

  /** @param port of the hub on loopback */
  static async lay(port: number): Promise<Cable> {
    const sockets = new Set<Socket>();
    const state = { isCut: false };
    const keep = (socket: Socket): void => {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    };
    const server = createServer((near) => {
      keep(near);
      if (state.isCut) return void near.destroy();
      const far = connect(port, "127.0.0.1");
      keep(far);
      near.pipe(far).on("close", () => near.destroy());
      far.pipe(near).on("close", () => far.destroy());
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port: own } = server.address() as AddressInfo; // a TCP server's address is never a path
    const cable = new Cable(`http://127.0.0.1:${own}`, sockets, state);
    onTestFinished(() => {
      server.close();
      cable.cut();
    });
    return cable;
  }

  /** Ends all connections without a closing handshake, and takes no new ones. */
  cut(): void {
    this.#state.isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend(): void {
    this.#state.isCut = false;
  }
}
