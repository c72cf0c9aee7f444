import { Code } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { type Fields, type GrpcClient, startGrpc } from "./client.ts";

type Client = Pick<GrpcClient, "stream">;

/** A listener that keeps the position of the last event. */
class Backend {
  readonly texts: unknown[] = [];
  readonly lost: unknown[] = [];
  position: Fields | undefined;
  readonly #channel: string;

  constructor(channel: string) {
    this.#channel = channel;
  }

  /** Listens from its position on, from the beginning at first, until it has so many messages. */
  async listen(client: Client, count: number): Promise<void> {
    const start =
      this.position === undefined ? { case: "first", value: true } : { case: "after", value: this.position };
    for await (const event of client.stream("Subscribe", { channel: this.#channel, start })) {
      this.position = event.position as Fields;
      if (event.lost === true) this.lost.push(this.position.offset);
      const message = event.message as Fields | undefined;
      if (message !== undefined) this.texts.push(JSON.parse(String(message.dataJson)));
      if (this.texts.length >= count) return;
    }
  }
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("Subscribe", () => {
  it("begins with a position, and goes on with every message that comes", async () => {
    const { running, client } = await startGrpc();
    await running.hub.group("g").send({ type: "chat", data: "before" });
    const events = client.stream("Subscribe", { channel: "group:g" });
    const { value: begin } = await events.next();
    expect(begin).toMatchObject({ position: { offset: 1n }, lost: false });
    expect(begin?.message).toBeUndefined();
    await running.hub.group("g").send({ type: "chat", data: { a: [1] }, from: "alice" });
    const { value: event } = await events.next();
    const message = { type: "chat", dataJson: '{"a":[1]}', from: "alice", group: "g", to: "", offset: 2n };
    const id = expect.stringMatching(/./);
    expect(event).toMatchObject({ position: { offset: 2n, id }, message: { ...message, id } });
    await events.return(undefined);
  });

  it("streams the channels of a user and of everyone, and nothing ephemeral", async () => {
    const { running, client } = await startGrpc();
    const { hub } = running;
    for (const [channel, audience] of [
      ["user:bob", hub.user("bob")],
      ["all", hub.everyone],
    ] as const) {
      const events = client.stream("Subscribe", { channel });
      await events.next();
      await audience.send({ type: "typing", ephemeral: true });
      await audience.send({ type: "chat", data: channel });
      const { value } = await events.next();
      expect(value?.message).toMatchObject({ dataJson: JSON.stringify(channel) });
      await events.return(undefined);
    }
  });

  it("begins at the oldest of so many, or at the first since a time", async () => {
    const { running, client } = await startGrpc();
    const sent = [];
    for (const data of numbers(1, 5)) sent.push(await running.hub.user("bob").send({ type: "n", data }));
    const first = async (start: Fields): Promise<unknown> => {
      for await (const { message } of client.stream("Subscribe", { channel: "user:bob", start }))
        if (message !== undefined) return (message as Fields).dataJson;
      return undefined;
    };
    expect(await first({ case: "last", value: 2n })).toBe("4");
    expect(await first({ case: "since", value: BigInt(sent[0]?.timestamp ?? 0) })).toBe("1");
    await expect(first({ case: "last", value: 0n })).rejects.toMatchObject({ code: Code.InvalidArgument });
  });

  it("loses and repeats nothing while a listener comes and goes under load", async () => {
    const { running, client } = await startGrpc();
    const backend = new Backend("group:g");
    const total = 600;
    let sent = 0;
    const publishing = (async () => {
      while (sent < total) {
        const burst = numbers(sent + 1, Math.min(total, sent + 7));
        await Promise.all(burst.map((data) => running.hub.group("g").send({ type: "n", data })));
        sent += burst.length;
      }
    })();
    for (const count of numbers(1, 12)) await backend.listen(client, Math.min(total, count * 50));
    await publishing;
    expect(backend.texts).toEqual(numbers(1, total));
    expect(backend.lost).toEqual([]);
  });

  it("tells that messages are lost which are no longer retained, and goes on with the oldest", async () => {
    const { running, client } = await startGrpc({ history: { count: 3 } });
    const backend = new Backend("user:bob");
    await running.hub.user("bob").send({ type: "n", data: 1 });
    await backend.listen(client, 1);
    for (const data of numbers(2, 9)) await running.hub.user("bob").send({ type: "n", data });
    await backend.listen(client, 4);
    expect(backend.texts).toEqual([1, 7, 8, 9]);
    expect(backend.lost).toEqual([6n]);
  });

  it("tells of another history, and of another message at the position", async () => {
    const { running, client } = await startGrpc();
    await running.hub.user("bob").send({ type: "n", data: 1 });
    const first = async (position: Fields): Promise<unknown> => {
      const start = { case: "after", value: position };
      for await (const { lost } of client.stream("Subscribe", { channel: "user:bob", start })) return lost;
      return undefined;
    };
    const { epoch } = await running.hub.history("user:bob");
    expect(await first({ epoch, offset: 1n })).toBe(false);
    expect(await first({ epoch: "another", offset: 1n })).toBe(true);
    expect(await first({ epoch, offset: 1n, id: "another" })).toBe(true);
  });

  it("passes on edits as notices, and passes over what was taken out", async () => {
    const { running, client } = await startGrpc();
    const { hub } = running;
    const { id } = await hub.user("bob").send({ type: "chat", data: "a" });
    for (const data of ["b", "c"]) await hub.edit("user:bob", { offset: 1, id, data });
    const seen: unknown[] = [];
    const start = { case: "first", value: true };
    for await (const { position, message } of client.stream("Subscribe", { channel: "user:bob", start })) {
      const { offset: at } = position as Fields;
      seen.push([at, (message as Fields | undefined)?.type]);
      if (at === 3n) break;
    }
    expect(seen).toEqual([
      [0n, undefined],
      [1n, "chat"],
      [2n, undefined],
      [3n, "message.edited"],
    ]);
  });

  it("refuses a channel that is none, or that stores nothing, and more streams than the setting", async () => {
    const history = { channels: { "group:live-*": "none" } } as const;
    const { client } = await startGrpc({ grpc: { port: 0, maxStreams: 1 }, history });
    const open = (channel: string) => client.stream("Subscribe", { channel });
    for (const channel of ["bob", "", "group:live-1"])
      await expect(open(channel).next(), channel).rejects.toMatchObject({ code: Code.InvalidArgument });
    const one = open("user:bob");
    await one.next();
    await expect(open("user:bob").next()).rejects.toMatchObject({ code: Code.Unavailable });
    await one.return(undefined);
    await eventually("there is room again", async () => {
      const next = open("user:bob");
      const isOpen = await next.next().then(
        () => true,
        () => false,
      );
      await next.return(undefined).catch(() => undefined);
      return isOpen;
    });
  });

  it("ends with UNAVAILABLE when the node drains, and other calls are answered until it closes", async () => {
    const { running, client } = await startGrpc();
    const events = client.stream("Subscribe", { channel: "user:bob" });
    await events.next();
    const ended = expect(events.next()).rejects.toMatchObject({
      code: Code.Unavailable,
      rawMessage: "the node is closing",
    });
    const closed = running.hub.close();
    await ended;
    await closed;
    await expect(client.call("Stats")).rejects.toMatchObject({ code: Code.Unavailable });
  });
});
