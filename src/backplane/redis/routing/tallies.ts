import type { Message } from "../../message.ts";
import type { Reached, Tallied } from "../../port.ts";
import { type Bus, Requests } from "../bus/bus.ts";
import { LINE, lineOf } from "../wire/lines.ts";
import type { Directory, Route } from "./directory.ts";

/** Questions of other nodes that are kept at a time. */
const MAX_KEPT = 1_000;
/** Messages whose reports are kept: more than arrive within a round trip. */
const RECENT = 1_024;

/** A node that asked for the report on a message. */
interface Asker {
  readonly request: string;
  readonly token: string;
  /** When the node does not wait any more, by performance.now(). */
  readonly until: number;
}

/**
 * Reports on messages: which connections of other nodes took one. Lines: `LINE.tally` (request, token of the asking node, id of the
 * message) goes before the message, and `LINE.tallied` (request, token of the answering node, connections, dropped) comes back.
 */
export class Tallies {
  readonly #bus: Bus;
  readonly #directory: Directory;
  readonly #timeoutMs: number;
  readonly #requests: Requests;
  /** Questions whose message has not arrived, by the message's id, oldest first. */
  readonly #asked = new Map<string, Asker>();
  #sweep: NodeJS.Timeout | undefined;
  readonly #recent = new RecentReports();

  constructor(bus: Bus, directory: Directory, timeoutMs: number) {
    this.#bus = bus;
    this.#directory = directory;
    this.#timeoutMs = timeoutMs;
    this.#requests = new Requests(timeoutMs, bus.silent);
    bus.on(LINE.tally, ([, request = "", token = "", id = ""]) => this.#asks(id, request, token));
    bus.on(LINE.tallied, ([, request = "", token = "", connections = "0", dropped = "0"]) =>
      this.#requests.answered(request, token, `${connections} ${dropped}`),
    );
  }

  /** Asks before the call returns, so before the message is sent. @returns undefined when no other node has members of the channel */
  ask({ id, channel }: Message): Promise<Tallied> | undefined {
    const route = this.#directory.route(channel);
    return route instanceof Promise || route.length > 0 ? this.#askNodes(route, id) : undefined;
  }

  /**
   * A stored message has arrived and was delivered.
   * @param isOrdered false when it may have overtaken its question: scripts go to Redis by another connection than the lines of the bus,
   * and on Redis Cluster to another master. Only then its report is kept, which costs more than a tenth of the message
   */
  stored({ id }: Message, here: Reached, isOrdered: boolean): void {
    if (!this.#answerAsked(id, here) && !isOrdered) this.#recent.add(id, here);
  }

  /** An ephemeral message has arrived and was delivered. Its question came before it, on the same way: nothing is kept. */
  ephemeral({ id }: Message, here: Reached): void {
    this.#answerAsked(id, here);
  }

  stop(): void {
    clearTimeout(this.#sweep);
    this.#requests.stop();
  }

  /** Asks the nodes of a route. While it is not known, all nodes are asked: the message does not wait for it either. */
  async #askNodes(route: Route | Promise<Route>, id: string): Promise<Tallied> {
    let nodes: Route = [];
    const answers = await this.#requests.ask(async (request) => {
      const question = lineOf(LINE.tally, request, this.#bus.token, id);
      if (route instanceof Promise) this.#bus.cast(question);
      else for (const token of route) this.#bus.post(token, question);
      this.#bus.flush();
      nodes = await route;
      return nodes.filter((token) => !this.#bus.deaf.has(token));
    });
    let [connections, dropped, silent] = [0, 0, 0];
    for (const token of nodes) {
      const answer = answers.get(token);
      if (answer === undefined) silent++;
      const [taken, refused] = (answer ?? "0 0").split(" ");
      connections += Number(taken);
      dropped += Number(refused);
    }
    return { connections, dropped, silent };
  }

  /** @returns true if somebody has asked for the report */
  #answerAsked(id: string, here: Reached): boolean {
    if (this.#asked.size === 0) return false;
    const asker = this.#asked.get(id);
    if (asker === undefined) return false;
    this.#asked.delete(id);
    this.#answer(asker, here);
    return true;
  }

  #asks(id: string, request: string, token: string): void {
    // A question to all nodes comes back.
    if (token === this.#bus.token) return;
    const asker = { request, token, until: performance.now() + this.#timeoutMs };
    const report = this.#recent.of(id);
    if (report !== undefined) this.#answer(asker, report);
    else {
      this.#asked.set(id, asker);
      this.#forget(MAX_KEPT);
    }
  }

  /** Forgets what nobody waits for, and the oldest questions beyond a number. While there is none, no message need be looked up. */
  #forget(most: number): void {
    const now = performance.now();
    for (const [id, { until }] of this.#asked) {
      if (this.#asked.size <= most && until > now) break;
      this.#asked.delete(id);
    }
    if (this.#asked.size === 0 || this.#sweep !== undefined) return;
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined;
      this.#forget(MAX_KEPT);
    }, this.#timeoutMs).unref();
  }

  #answer({ request, token }: Asker, { connections, dropped }: Reached): void {
    this.#bus.answer(
      token,
      lineOf(LINE.tallied, request, this.#bus.token, String(connections), String(dropped)),
    );
  }
}

/** Reports on the last stored messages that may have overtaken their questions, in a ring. It keeps numbers only: an id is a part of a payload, which it would keep in memory. */
class RecentReports {
  readonly #hashes = new Int32Array(RECENT);
  readonly #connections = new Int32Array(RECENT);
  readonly #dropped = new Int32Array(RECENT);
  #next = 0;

  add(id: string, { connections, dropped }: Reached): void {
    const index = this.#next;
    this.#hashes[index] = hashOf(id);
    this.#connections[index] = connections;
    this.#dropped[index] = dropped;
    this.#next = (index + 1) % RECENT;
  }

  of(id: string): Reached | undefined {
    const index = this.#hashes.indexOf(hashOf(id));
    if (index < 0) return undefined;
    return { connections: this.#connections[index] ?? 0, dropped: this.#dropped[index] ?? 0 };
  }
}

/** A number for the id of a message; never 0, which is in an empty place of the ring. */
function hashOf(id: string): number {
  let hash = 1;
  for (let index = 0; index < id.length; index++) hash = (Math.imul(hash, 31) + id.charCodeAt(index)) | 0;
  return hash === 0 ? 1 : hash;
}
