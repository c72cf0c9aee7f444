import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { ProxySockets } from "../support/nodes/nodes.ts";
import type { Dice } from "./plan.ts";

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

/** A TCP proxy on loopback whose connections can break, with a sign or without one. `await using` ends it. */
export class FaultyProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #targets: () => readonly number[];
  readonly #sockets = new ProxySockets();
  readonly #pairs = new Set<Pair>();

  private constructor(server: Server, targets: () => readonly number[]) {
    this.#server = server;
    this.#targets = targets;
    server.on("connection", (near) => void this.#carry(near));
  }

  /** @param targets ports that take a connection each in turn; one that refuses is passed over */
  static async start(targets: () => readonly number[]): Promise<FaultyProxy> {
    const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new FaultyProxy(server, targets);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // a TCP server's address is never a path
  }

  /** Ends about this share of the connections: by a reset or in good order, as the dice say. */
  cut(dice: Dice, share: number): void {
    for (const { near, far } of dice.some([...this.#pairs], share)) {
      for (const socket of [near, far]) {
        if (dice.next() < 0.5) socket.resetAndDestroy();
        else socket.destroy();
      }
    }
  }

  /** Makes about this share of the connections half-dead: they stay open and carry nothing, in one direction or both. */
  silence(dice: Dice, share: number): void {
    for (const pair of dice.some([...this.#pairs], share)) {
      const direction = dice.pick(["both", "up", "down"]);
      this.#pairs.delete(pair);
      const { near, far } = pair;
      near.removeAllListeners("close");
      far.removeAllListeners("close");
      if (direction !== "down") near.unpipe(far).resume();
      if (direction !== "up") far.unpipe(near).resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sockets.end(this.#server);
  }

  async #carry(near: Socket): Promise<void> {
    this.#sockets.keep(near);
    const far = await this.#sockets.reach(this.#targets());
    if (far === undefined) return void near.destroy();
    const pair = { near, far };
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    near.pipe(far).once("close", end);
    far.pipe(near).once("close", end);
    if (near.destroyed || far.destroyed) end();
  }
}
