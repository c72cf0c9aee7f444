import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A TCP proxy whose connections a test can break. */
export interface Proxy {
  readonly port: number;
  /** Ends every connection without a word. */
  cut(): void;
  /** Ends every connection, and refuses new ones until {@link mend}. */
  breakDown(): void;
  mend(): void;
  /** Makes every connection half-open: it stays, and carries nothing in either direction any more. New ones work. */
  swallow(): void;
}

/** Carries TCP connections from a port of its own to another one on this machine. */
export async function startProxy(to: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let isBroken = false;
  const server = createServer((near) => {
    if (isBroken) return near.destroy();
    const far = connect(to, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }
    near.pipe(far).on("close", () => near.destroy());
    far.pipe(near).on("close", () => far.destroy());
    return near;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port, // a TCP server's address is never a path
    cut,
    breakDown() {
      isBroken = true;
      cut();
    },
    mend() {
      isBroken = false;
    },
    swallow() {
      // Without a reader a socket would not notice its end.
      for (const socket of sockets) socket.unpipe().resume();
    },
  };
}
