import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the ports that Linux gives to outgoing connections (from 32,768 on): while a process is down, none of those can
 * take its port, nor can a client that tries again and again connect to itself. Redis Cluster adds 10,000 for its bus.
 */
const FROM = 10_000;
const TO = 22_000;

/** A free loopback port for a process that must restart on the same one. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FROM + Math.floor(Math.random() * (TO - FROM));
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
