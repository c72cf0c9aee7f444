import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Dice } from "./plan.ts";

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

/** A TCP proxy on loopback whose connections can break, with a sign or without one. `await using` ends it. */
export class FaultyProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #targets: () => readonly number[];
  readonly #sockets = new Set<Socket>();
  readonly #pairs = new Set<Pair>();
  #next = 0;

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
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  async #carry(near: Socket): Promise<void> {
    this.#keep(near);
    const far = await this.#reach();
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

  async #reach(): Promise<Socket | undefined> {
    const targets = this.#targets();
    for (const _ of targets) {
      const far = connect(targets[this.#next++ % targets.length] ?? 0, "127.0.0.1");
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
