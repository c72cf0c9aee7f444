import type { Channel } from "../../../protocol/protocol.ts";
import type { Link } from "../connection/connection.ts";
import { script } from "../connection/script.ts";
import { partitionOf } from "../keys.ts";
import { lineOf } from "../line.ts";

/** Asks the nodes that were told of a change, behind the news. ARGV: channel, token, request. Answers how many it asked. */
export const ASK_READERS = script(
  "settle-route",
  `
local asked = 0
for _, token in ipairs(redis.call("SMEMBERS", key("q", ARGV[1]))) do
  if token ~= ARGV[2] then
    post(token, "F" .. FIELD .. ARGV[2] .. FIELD .. ARGV[3])
    asked = asked + 1
  end
end
return asked
`,
);

/**
 * Makes sure that the nodes that have cached a channel's nodes know of a change, so that whatever is sent after a `welcome` reaches the
 * new connection. The news may be behind the answer to the script that made the change: a Redis that is short of time writes
 * the one long after the other, and on a Redis Cluster the news goes from master to master. So those nodes are asked on the same
 * way, and their answers are awaited. It costs a round trip, and only where somebody has cached the channel.
 */
export class Settling {
  readonly #link: Link;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<string, () => void>();
  #requests = 0;

  /** @param timeoutMs a node that has not answered after so long is not waited for */
  constructor(link: Link, timeoutMs: number) {
    this.#link = link;
    this.#timeoutMs = timeoutMs;
    link.on("F", ([, from = "", request = ""]) => link.post(from, lineOf("G", request)));
    link.on("G", ([, request = ""]) => this.#waiting.get(request)?.());
  }

  /** Resolves when all who were told of the last change have heard of it. */
  async settle(channel: Channel): Promise<void> {
    const request = (++this.#requests).toString(36);
    const { promise, resolve } = Promise.withResolvers<void>();
    let answers = 0;
    let asked = Number.POSITIVE_INFINITY;
    this.#waiting.set(request, () => {
      if (++answers >= asked) resolve();
    });
    const timer = setTimeout(resolve, this.#timeoutMs);
    try {
      const args = [channel, this.#link.token, request];
      asked = Number(await this.#link.run(ASK_READERS, partitionOf(channel), args));
      if (answers < asked) await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(request);
    }
  }
}
