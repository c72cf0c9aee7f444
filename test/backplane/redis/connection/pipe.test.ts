import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FAILED, Pipe } from "../../../../src/backplane/redis/connection/pipe.ts";
import { eventually } from "../../../support/eventually.ts";
import { RedisServer } from "../../../support/redis/redis.ts";
import { upTo } from "../../contract/harness.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server[Symbol.asyncDispose]());

const TIMEOUT_MS = 2_000;
/** Longer than any test takes. */
const LONG_MS = 600_000;

const command = (...words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;

const connection = (port = server.port): Redis => {
  const client = new Redis(port, "127.0.0.1", { lazyConnect: true, retryStrategy: null });
  return client.on("error", () => undefined);
};

/** A proxy to Redis that forwards replies byte by byte, each when `gate` is open. */
interface SlowProxy extends Disposable {
  readonly port: number;
  gate: Promise<void>;
}

/** @param options.upTo the proxy cuts the connection before it forwards this word */
async function slowProxy(options: { upTo?: string } = {}): Promise<SlowProxy> {
  const sockets: Socket[] = [];
  // Half-open, because replies may follow after the other side has sent its last command.
  const listener = createServer({ allowHalfOpen: true }, (socket) => {
    const upstream = connect(server.port, "127.0.0.1");
    sockets.push(socket.setNoDelay(true), upstream);
    socket.on("data", (chunk: Buffer) => {
      const end = options.upTo === undefined ? -1 : chunk.indexOf(options.upTo);
      if (end === -1) upstream.write(chunk);
      else {
        upstream.end(chunk.subarray(0, end));
        socket.destroy();
      }
    });
    socket.on("end", () => upstream.end());
    forwardSlowly(upstream, socket, proxy).catch(() => undefined); // fails when the test closes the proxy
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const proxy: SlowProxy = {
    port: (listener.address() as AddressInfo).port, // of a server that listens to a port
    gate: Promise.resolve(),
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      listener.close();
    },
  };
  return proxy;
}

async function forwardSlowly(from: Socket, to: Socket, proxy: SlowProxy): Promise<void> {
  for await (const chunk of from) {
    for (const byte of chunk as Buffer) {
      await proxy.gate;
      to.write(Buffer.of(byte));
      await nextTurn();
    }
  }
}

test("replies may come in any pieces: each command gets its number", async () => {
  using proxy = await slowProxy();
  const pipe = new Pipe(LONG_MS, () => undefined);
  await pipe.open(connection(proxy.port));
  const twelve = upTo(12).map(() => command("RPUSH", "list", "é"));

  const answers = await Promise.all([
    pipe.call(twelve, 12),
    pipe.transaction(twelve, 12),
    pipe.call(twelve, 12),
  ]);

  expect(answers.flatMap(({ numbers }) => numbers)).toEqual(upTo(36));
  expect(answers.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
  pipe.close();
});

test("long commands arrive as they were sent, and so do the commands after them", async () => {
  const pipe = new Pipe(TIMEOUT_MS, () => undefined);
  await pipe.open(connection());
  const texts = upTo(40).map((number) => "ä".repeat(number * 1_000));

  const answers = await Promise.all(
    texts.map((text, index) => pipe.call([command("APPEND", `text ${index}`, text)], 1)),
  );

  expect(answers.map(({ numbers }) => numbers)).toEqual(texts.map((text) => [2 * text.length]));
  for (const [index, text] of texts.entries())
    expect(await server.command("GET", `text ${index}`)).toBe(text);
  pipe.close();
});

test("calls to a Redis that hangs take at most twice their length in memory, and are answered when it continues", async () => {
  await using slow = await RedisServer.start();
  const pipe = new Pipe(LONG_MS, () => undefined);
  await pipe.open(connection(slow.port));
  const text = "x".repeat(5_000);
  const count = 3_000;
  const before = process.memoryUsage().arrayBuffers;

  slow.pause();
  const answers = upTo(count).map((number) => pipe.call([command("APPEND", `text ${number}`, text)], 1));
  const taken = process.memoryUsage().arrayBuffers - before;
  slow.continue();

  expect(taken).toBeLessThan(2 * count * text.length);
  for (const { numbers } of await Promise.all(answers)) expect(numbers).toEqual([text.length]);
  pipe.close();
});

test.each(["call", "transaction"] as const)(
  "when a command of a %s fails, the answer has its error and the numbers of the others",
  async (kind) => {
    const pipe = new Pipe(TIMEOUT_MS, () => undefined);
    await pipe.open(connection());
    await server.command("SET", "text", "x");

    const both = [
      pipe[kind]([command("INCR", kind), command("RPUSHX", "text", "x"), command("INCR", kind)], 3),
      pipe[kind]([command("INCR", kind)], 1),
    ];

    const [first, second] = await Promise.all(both);
    expect(first?.numbers).toEqual([1, FAILED, 2]);
    expect(first?.error?.message).toMatch(/^WRONGTYPE/);
    expect(second).toMatchObject({ numbers: [3], error: undefined });
    pipe.close();
  },
);

test("when Redis refuses to queue a command, it runs nothing of the transaction, and the next call works", async () => {
  const pipe = new Pipe(TIMEOUT_MS, () => undefined);
  await pipe.open(connection());

  const refused = pipe.transaction([command("INCR", "c"), command("NOTHING"), command("INCR", "c")], 3);
  const next = pipe.call([command("INCR", "c")], 1);

  await expect(refused).rejects.toThrow(/^ERR unknown command .NOTHING/);
  expect((await next).numbers).toEqual([1]);
  pipe.close();
});

test("Redis runs nothing of a transaction that it received in part", async () => {
  using proxy = await slowProxy({ upTo: "last" });
  const pipe = new Pipe(LONG_MS, () => undefined);
  await pipe.open(connection(proxy.port));

  const call = pipe.transaction([command("INCR", "d"), command("INCR", "d"), command("SET", "d", "last")], 3);

  await expect(call).rejects.toThrow("ended");
  await eventually(
    "Redis drops the transaction",
    async () => !String(await server.command("CLIENT", "LIST")).includes("multi=3"),
  );
  expect(await server.command("EXISTS", "d")).toBe(0);
});

test("when the connection ends, calls in flight fail and `onEnd` is called", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const pipe = new Pipe(TIMEOUT_MS, resolve);
  const client = connection();
  await pipe.open(client);

  const call = pipe.call([command("INCR", "e")], 1);
  client.stream.destroy();

  await expect(call).rejects.toThrow("ended");
  await promise;
  expect(pipe.isOpen).toBe(false);
  await expect(pipe.call([command("INCR", "e")], 1)).rejects.toThrow("no connection");
});

test("late replies on a former connection answer no call of the present one", async () => {
  using proxy = await slowProxy();
  const pipe = new Pipe(LONG_MS, () => undefined);
  await pipe.open(connection(proxy.port));
  const { promise: gate, resolve: release } = Promise.withResolvers<void>();
  proxy.gate = gate;
  const many = pipe.call([command("SET", "seven", "7"), command("INCRBY", "seven", "7000000").repeat(9)], 10);
  many.catch(() => undefined);
  // Its replies are in flight.
  await eventually("Redis runs the call", async () => Number(await server.command("GET", "seven")) > 7);

  await pipe.open(connection());
  release();
  for (const number of upTo(50)) {
    expect((await pipe.call([command("INCR", "own")], 1)).numbers).toEqual([number]);
  }

  await expect(many).rejects.toThrow("closed");
  pipe.close();
});

test("a call that times out ends the connection", async () => {
  using proxy = await slowProxy();
  const { promise, resolve } = Promise.withResolvers<void>();
  const pipe = new Pipe(1, resolve);
  await pipe.open(connection(proxy.port));
  proxy.gate = new Promise(() => undefined);

  await expect(pipe.call([command("INCR", "f")], 1)).rejects.toThrow("ended");
  await promise;
});

test("opening another connection closes the former one without a call of `onEnd`", async () => {
  let ends = 0;
  const pipe = new Pipe(TIMEOUT_MS, () => ends++);
  const former = connection();
  await pipe.open(former);
  const call = pipe.call([command("INCR", "g")], 1);
  const closed = once(former, "end");

  const opened = pipe.open(connection());
  await expect(call).rejects.toThrow("closed");
  await Promise.all([closed, opened]);

  expect((await pipe.call([command("INCR", "h")], 1)).numbers).toEqual([1]);
  expect(ends).toBe(0);
  pipe.close();
  await expect(pipe.call([command("INCR", "h")], 1)).rejects.toThrow("no connection");
});
