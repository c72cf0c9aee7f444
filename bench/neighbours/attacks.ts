import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";

/** An attack of one hostile user, against all nodes, until its process is ended. */
export interface Attack {
  readonly name: string;
  readonly title: string;
  /**
   * For an attack that the rates of clients end: the server to which the same attack goes, to show what it takes from this machine alone. `close` ends
   * each socket at once; `read` is `ws` that drops what it reads. Other attacks show budgets, and no rate ends them before. @default none
   */
  readonly control?: "close" | "read";
  /**
   * For an attack on a rate limiter: the nodes are applications that embed the hub, and limit their own HTTP requests by a client's header. They count
   * in `memory`, or in a Redis of the limiter's own that is `dying` all the time: it hangs, answers, is killed, and comes back empty. @default none
   */
  readonly limiter?: "memory" | "dying";
  run(urls: readonly string[]): Promise<void>;
}

const GROUP = "eve";
const CHANNEL = `group:${GROUP}`;
const TEXT = "x".repeat(400_000);
/** Bytes that eve queues for a node. */
const MAX_UNSENT = 1_048_576;
/** Messages that eve stores first: more than a channel keeps. */
const STORED = 48;

/** Eve has an address of her own on this machine. */
const EVE = "127.0.0.66";

/** A connection of eve. It reads of an answer only what it needs, because her processor is that of the others here. */
class Eve {
  readonly socket: WebSocket;
  readonly #waiting = new Map<string, (answer: Buffer) => void>();
  #next = 1;

  private constructor(url: string) {
    this.socket = new WebSocket(`${url}?user_id=eve`, { perMessageDeflate: false, localAddress: EVE });
    this.socket.on("error", () => undefined);
    this.socket.on("message", (answer: Buffer) => {
      const [, id = ""] = /^{"id":(\d+),/.exec(answer.toString("latin1", 0, 20)) ?? [];
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
  }

  static async open(url: string): Promise<Eve> {
    const eve = new Eve(url);
    await new Promise((resolve) => eve.socket.once("open", resolve).once("close", resolve));
    return eve;
  }

  /** Sends a request. @returns the answer */
  ask(action: string, data: unknown): Promise<Buffer> {
    const id = this.#next++;
    this.socket.send(JSON.stringify({ id, action, data }));
    return new Promise((resolve) => this.#waiting.set(String(id), resolve));
  }
}

/** Fills the history of a group with large messages. @returns its epoch */
async function store(url: string): Promise<string> {
  const eve = await Eve.open(url);
  await eve.ask("group.join", { group: GROUP });
  for (let count = 0; count < STORED; count++) {
    await eve.ask("message.send", { group: GROUP, type: "n", data: TEXT });
  }
  const page = await eve.ask("message.history", { channel: CHANNEL, limit: 1 });
  eve.socket.close();
  return JSON.parse(String(page)).data.epoch;
}

/** Keeps a number of requests in flight on one connection of each node. */
async function repeat(
  urls: readonly string[],
  inFlight: number,
  action: string,
  data: unknown,
): Promise<void> {
  for (const url of urls) {
    const eve = await Eve.open(url);
    const lane = async (): Promise<void> => {
      for (;;) await eve.ask(action, data);
    };
    await eve.ask("group.join", { group: GROUP });
    for (let count = 0; count < inFlight; count++) void lane();
  }
}

export const ATTACKS: readonly Attack[] = [
  {
    name: "history",
    title: "asks for pages of a history of 16 MiB, 32 at a time on each node",
    async run(urls) {
      await store(urls[0] ?? "");
      await repeat(urls, 32, "message.history", { channel: CHANNEL, limit: 200 });
    },
  },
  {
    name: "resume",
    title: "resumes that history from its beginning, 32 times at once on each node",
    async run(urls) {
      const epoch = await store(urls[0] ?? "");
      await repeat(urls, 32, "message.resume", { channel: CHANNEL, epoch, offset: 0 });
    },
  },
  {
    name: "unread",
    title: "40 connections ask for that history, and never read",
    async run(urls) {
      await store(urls[0] ?? "");
      for (let index = 0; index < 40; index++) {
        const eve = await Eve.open(urls[index % urls.length] ?? "");
        await eve.ask("group.join", { group: GROUP });
        eve.socket.pause();
        for (let count = 0; count < 200; count++)
          void eve.ask("message.history", { channel: CHANNEL, limit: 200 });
        await sleep(20);
      }
    },
  },
  {
    name: "flood",
    title: "sends messages as fast as a core can, and connects again when a node closes",
    control: "read",
    async run(urls) {
      await Promise.all(urls.map(flood));
    },
  },
  {
    name: "connects",
    title: "connects from one address as fast as a core can",
    control: "close",
    async run(urls) {
      await Promise.all(
        urls.map(async (url) => Promise.all(Array.from({ length: 32 }, () => reconnect(url)))),
      );
    },
  },
  {
    name: "handshakes",
    title: "begins handshakes and never ends them",
    control: "close",
    async run(urls) {
      for (let index = 0; ; index++) {
        const { hostname, port } = new URL(urls[index % urls.length] ?? "");
        const socket = connect({ port: Number(port), host: hostname, localAddress: EVE });
        socket.on("error", () => undefined).on("close", () => undefined);
        socket.write("GET /ws HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
        await sleep(1);
      }
    },
  },
  {
    name: "keys",
    title: "sends 10,000 HTTP requests a second, each under a key of its own, to a limiter in memory",
    limiter: "memory",
    run: (urls) => requests(urls, 10_000, Number.POSITIVE_INFINITY),
  },
  {
    name: "store",
    title:
      "sends 2,000 HTTP requests a second under 1,000 keys, while the Redis of the limiter dies and returns",
    limiter: "dying",
    run: (urls) => requests(urls, 2_000, 1_000),
  },
];

/** How often requests are sent. */
const BEAT_MS = 5;

/**
 * Sends HTTP requests at a steady rate to all nodes together, whatever they answer.
 * @param keys how many different clients the requests name
 */
async function requests(urls: readonly string[], perSecond: number, keys: number): Promise<never> {
  const sockets = urls.map((url) => {
    const { hostname, port } = new URL(url);
    return connect({ port: Number(port), host: hostname, localAddress: EVE })
      .on("error", () => undefined)
      .resume();
  });
  const start = performance.now();
  for (let sent = 0; ; await sleep(BEAT_MS)) {
    const due = ((performance.now() - start) * perSecond) / 1_000;
    const batches = sockets.map(() => "");
    for (; sent < due; sent++) {
      batches[sent % sockets.length] +=
        `GET / HTTP/1.1\r\nHost: localhost\r\nX-Client-ID: ${sent % keys}\r\n\r\n`;
    }
    for (const [index, batch] of batches.entries()) {
      const socket = sockets[index];
      // A node that answers slowly must not fill the memory of this machine with what it has not read.
      if (batch !== "" && socket !== undefined && socket.writableLength < MAX_UNSENT) socket.write(batch);
    }
  }
}

/** Sends batches of messages without a pause, on one connection after the other. */
async function flood(url: string): Promise<never> {
  for (;;) {
    const { socket } = await Eve.open(url);
    for (let id = 0; socket.readyState === WebSocket.OPEN; id += 100) {
      for (let next = id; next < id + 100; next++) {
        socket.send(JSON.stringify({ id: next, type: "n", to: "nobody", ephemeral: true }));
      }
      // A node that reads slowly must not fill the memory of this machine with what it has not read.
      do await new Promise(setImmediate);
      while (socket.bufferedAmount > MAX_UNSENT && socket.readyState === WebSocket.OPEN);
    }
  }
}

/** Connects and leaves, one time after the other. */
async function reconnect(url: string): Promise<never> {
  for (;;) {
    const { socket } = await Eve.open(url);
    socket.terminate();
    await new Promise(setImmediate);
  }
}
