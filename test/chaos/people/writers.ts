import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { type Client, connect, TidingsError } from "../../../src/client/client.ts";
import { type Channel, targetOf } from "../../../src/protocol/protocol.ts";
import type { ChaosNode, World } from "../world.ts";

/** A message that somebody tried to store. */
export interface Sent {
  readonly id: string;
  readonly writer: string;
  /** Counts the messages of a writer. */
  readonly n: number;
  readonly channel: Channel;
  readonly at: number;
  /** True for a message with an idempotency key. */
  readonly hasKey?: boolean;
  /** `confirmed`: there is a receipt. `unknown`: the attempt failed, and the message may be stored or not. */
  outcome: "pending" | "confirmed" | "unknown";
  epoch?: string;
  offset?: number;
}

interface Receipt {
  readonly epoch?: string;
  readonly offset?: number;
}

const ANSWER_TIMEOUT_MS = 4_000;
const RECONNECT = { minMs: 20, maxMs: 500 };
/** Messages in one burst: enough for one transaction (docs/CLUSTER.md). */
const BURST = 40;
/** Id of the requests to join, which no message has. */
const JOIN_ID = 1_000_000_000;

/** Before what failed is tried again. */
const AGAIN_MS = 100;

const groupsOf = (channels: readonly Channel[]): string[] =>
  channels.flatMap((channel) => targetOf(channel).group ?? []);

/** Writes messages one after another, to each channel in turn. */
export abstract class Writer {
  readonly name: string;
  readonly sent: Sent[] = [];
  protected readonly channels: readonly Channel[];
  readonly #pauseMs: number;
  protected readonly hasKeys: boolean = false;
  #isStopped = false;

  constructor(name: string, channels: readonly Channel[], pauseMs: number) {
    this.name = name;
    this.channels = channels;
    this.#pauseMs = pauseMs;
  }

  async run(): Promise<void> {
    while (!this.#isStopped) {
      await this.write();
      await sleep(this.#pauseMs);
    }
    await this.close();
  }

  /** The message in flight is still finished. */
  stop(): void {
    this.#isStopped = true;
  }

  protected abstract write(): Promise<void>;

  protected async close(): Promise<void> {}

  protected next(): Sent {
    const n = this.sent.length;
    const channel = this.channels[n % this.channels.length];
    if (channel === undefined) throw new Error("a writer has channels");
    const sent: Sent = {
      id: `${this.name}#${n}`,
      writer: this.name,
      n,
      channel,
      at: Date.now(),
      hasKey: this.hasKeys,
      outcome: "pending",
    };
    this.sent.push(sent);
    return sent;
  }

  protected confirm(sent: Sent, { epoch, offset }: Receipt): void {
    Object.assign(sent, { outcome: "confirmed", epoch, offset });
  }
}

/** With the SDK, which gives each message a key: repeats until there is a receipt. */
export class KeyedWriter extends Writer {
  protected override readonly hasKeys = true;
  readonly #client: Client;

  constructor(name: string, channels: readonly Channel[], pauseMs: number, { url }: World) {
    super(name, channels, pauseMs);
    this.#client = connect(url, { user: name, reconnect: RECONNECT, timeoutMs: ANSWER_TIMEOUT_MS });
    for (const group of groupsOf(channels)) void this.#join(group);
  }

  protected override async write(): Promise<void> {
    const sent = this.next();
    const { to = "", group } = targetOf(sent.channel);
    const message = { type: "n", data: sent.id, ...(group === undefined ? { to } : { group }) };
    for (;;) {
      try {
        return this.confirm(sent, await this.#client.send({ ...message, key: sent.id }));
      } catch (error) {
        // `forbidden`: the node has not joined the writer to the group again yet.
        const mayPass = error instanceof TidingsError && (error.retryable || error.code === "forbidden");
        if (!mayPass) throw error;
        await sleep(AGAIN_MS);
      }
    }
  }

  async #join(group: string): Promise<void> {
    while (this.#client.state !== "closed") {
      try {
        await this.#client.join(group);
        return;
      } catch {
        await sleep(AGAIN_MS); // Redis or the node is not there now
      }
    }
  }

  protected override close(): Promise<void> {
    return this.#client.close();
  }
}

/** By the HTTP API of one node after the other, without a key: what fails is not repeated. */
export class HttpWriter extends Writer {
  readonly #nodes: readonly ChaosNode[];

  constructor(name: string, channels: readonly Channel[], pauseMs: number, { nodes }: World) {
    super(name, channels, pauseMs);
    this.#nodes = nodes;
  }

  protected override async write(): Promise<void> {
    const sent = this.next();
    const node = this.#nodes[sent.n % this.#nodes.length];
    await publish(node, sent);
  }
}

/** Stores a message without a key by the HTTP API of a node. */
export async function publish(
  node: ChaosNode | undefined,
  sent: Sent,
  timeoutMs = ANSWER_TIMEOUT_MS,
): Promise<void> {
  const message = { type: "n", data: sent.id, ...targetOf(sent.channel) };
  const answer = await node?.ask("/ws/message", message, timeoutMs);
  if (answer?.status !== 200) sent.outcome = "unknown";
  else Object.assign(sent, answer.body as Receipt, { id: sent.id, outcome: "confirmed" }); // the body of a receipt
}

/** Without the SDK and without keys, many messages at once: nodes store them as one transaction. */
export class BurstWriter extends Writer {
  readonly #url: string;
  #socket: WebSocket | undefined;

  constructor(name: string, channels: readonly Channel[], pauseMs: number, { url }: World) {
    super(name, channels, pauseMs);
    this.#url = `${url}?user_id=${name}`;
  }

  protected override async write(): Promise<void> {
    const burst = new Map(Array.from({ length: BURST }, () => this.next()).map((sent) => [sent.n, sent]));
    const socket = await this.#open();
    if (socket !== undefined) {
      for (const { n, id, channel } of burst.values()) {
        socket.send(JSON.stringify({ id: n, type: "n", data: id, ...targetOf(channel) }));
      }
      await this.#answers(socket, burst);
    }
    for (const sent of burst.values()) sent.outcome = "unknown";
  }

  protected override async close(): Promise<void> {
    this.#socket?.terminate();
  }

  /** Takes confirmed messages out of the burst, until all are answered, or the connection ends, or it takes too long. */
  async #answers(socket: WebSocket, burst: Map<number, Sent>): Promise<void> {
    let unanswered = burst.size;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.terminate(), ANSWER_TIMEOUT_MS);
      const onMessage = (text: unknown): void => {
        const { id, data, type } = JSON.parse(String(text));
        const sent = burst.get(id);
        if (type !== undefined || sent === undefined) return;
        if (data?.offset !== undefined) {
          burst.delete(id);
          this.confirm(sent, data);
        }
        if (--unanswered === 0) end();
      };
      const end = (): void => {
        clearTimeout(timer);
        socket.off("message", onMessage).off("close", end);
        resolve();
      };
      socket.on("message", onMessage).once("close", end);
      if (socket.readyState !== WebSocket.OPEN) end();
    });
  }

  async #open(): Promise<WebSocket | undefined> {
    if (this.#socket?.readyState === WebSocket.OPEN) return this.#socket;
    const socket = new WebSocket(this.#url, { handshakeTimeout: ANSWER_TIMEOUT_MS });
    this.#socket = socket;
    socket.on("error", () => undefined);
    const timer = setTimeout(() => socket.terminate(), ANSWER_TIMEOUT_MS);
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      const groups = groupsOf(this.channels);
      let joined = 0;
      socket.on("open", () => {
        for (const group of groups) {
          socket.send(JSON.stringify({ id: JOIN_ID, action: "group.join", data: { group } }));
        }
      });
      socket.on("message", (text) => {
        const { id, type } = JSON.parse(String(text));
        if (type === undefined && id === JOIN_ID && ++joined === groups.length) resolve();
      });
    });
    clearTimeout(timer);
    return socket.readyState === WebSocket.OPEN ? socket : undefined;
  }
}
