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
}

/**
 * Reports on messages: which connections of other nodes took one. Lines: `LINE.tally` (request, token of the asking node, id of the
 * message) goes before the message, and `LINE.tallied` (request, token of the answering node, connections, dropped) comes back.
 */
export class Tallies {
  readonly #bus: Bus;
  readonly #directory: Directory;
  readonly #requests: Requests;
  /** Questions whose message has not arrived, by the message's id. */
  readonly #asked = new Map<string, Asker>();
  /** Reports on the last stored messages, in a ring: such a message may overtake its question, which first needs the route. */
  readonly #hashes = new Int32Array(RECENT);
  readonly #connections = new Int32Array(RECENT);
  readonly #dropped = new Int32Array(RECENT);
  #next = 0;

  constructor(bus: Bus, directory: Directory, timeoutMs: number) {
    this.#bus = bus;
    this.#directory = directory;
    this.#requests = new Requests(timeoutMs, bus.silent);
    bus.on(LINE.tally, ([, request = "", token = "", id = ""]) => this.#ask(id, { request, token }));
    bus.on(LINE.tallied, ([, request = "", token = "", connections = "0", dropped = "0"]) =>
      this.#requests.answered(request, token, `${connections} ${dropped}`),
    );
  }

  /** @returns undefined when no other node has members of the channel */
  ask({ id, channel }: Message): Promise<Tallied> | undefined {
    const route = this.#directory.route(channel);
    if (route instanceof Promise) return route.then((found) => this.#askAll(found, id));
    return route.length === 0 ? undefined : this.#askAll(route, id);
  }

  /** A stored message has arrived and was delivered. */
  stored({ id }: Message, here: Reached): void {
    if (!this.#answerAsked(id, here)) this.#record(id, here);
  }

  /** An ephemeral message has arrived and was delivered. Its question came before it, on the same way: nothing is kept. */
  ephemeral({ id }: Message, here: Reached): void {
    this.#answerAsked(id, here);
  }

  stop(): void {
    this.#requests.stop();
  }

  async #askAll(route: Route, id: string): Promise<Tallied> {
    const answers = await this.#requests.ask((request) => {
      for (const token of route) this.#bus.post(token, lineOf(LINE.tally, request, this.#bus.token, id));
      this.#bus.flush();
      return route.filter((token) => !this.#bus.deaf.has(token));
    });
    let connections = 0;
    let dropped = 0;
    for (const answer of answers.values()) {
      const [taken, refused] = answer.split(" ");
      connections += Number(taken);
      dropped += Number(refused);
    }
    return { connections, dropped, silent: route.length - answers.size };
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

  #ask(id: string, asker: Asker): void {
    const index = this.#hashes.indexOf(hashOf(id));
    if (index < 0) keep(this.#asked, id, asker);
    else {
      const [connections = 0, dropped = 0] = [this.#connections[index], this.#dropped[index]];
      this.#answer(asker, { connections, dropped });
    }
  }

  /** Keeps numbers only: the id is a part of a payload, which it would keep in memory. */
  #record(id: string, { connections, dropped }: Reached): void {
    const index = this.#next;
    this.#hashes[index] = hashOf(id);
    this.#connections[index] = connections;
    this.#dropped[index] = dropped;
    this.#next = (index + 1) % RECENT;
  }

  #answer({ request, token }: Asker, { connections, dropped }: Reached): void {
    this.#bus.answer(
      token,
      lineOf(LINE.tallied, request, this.#bus.token, String(connections), String(dropped)),
    );
  }
}

/** A number for the id of a message; never 0, which is in an empty place of the ring. */
function hashOf(id: string): number {
  let hash = 1;
  for (let index = 0; index < id.length; index++) hash = (Math.imul(hash, 31) + id.charCodeAt(index)) | 0;
  return hash === 0 ? 1 : hash;
}

/** Keeps the newest entries. */
function keep<Value>(entries: Map<string, Value>, id: string, value: Value): void {
  entries.set(id, value);
  if (entries.size <= MAX_KEPT) return;
  const [oldest] = entries.keys();
  if (oldest !== undefined) entries.delete(oldest);
}
