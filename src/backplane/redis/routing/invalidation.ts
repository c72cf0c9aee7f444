import type { Channel } from "../../../protocol/protocol.ts";
import { type Bus, Requests } from "../bus/bus.ts";
import { type RunScript, script } from "../connection/connection.ts";
import { partitionOf } from "../keys.ts";
import { lineOf } from "../line.ts";

/**
 * Asks the nodes that the last invalidation of a channel was sent to for a confirmation, on the way behind it.
 * ARGV: channel, token, request. Reply: how many nodes it asked.
 */
export const CONFIRM_INVALIDATION = script(
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
 * Confirms that the nodes that have cached a channel's route have dropped it, so that a message sent after a `welcome` reaches the new
 * connection. The invalidation may arrive after the answer to the script that sent it: a Redis that is short of time writes one long
 * after the other, and on Redis Cluster the invalidation goes from master to master. So those nodes are asked on the same way (lines `F`
 * and `G`), and their answers are awaited. It costs a round trip, and only where a node has cached the route.
 */
export class Invalidation {
  readonly #run: RunScript;
  readonly #bus: Bus;
  readonly #requests: Requests;

  /** @param timeoutMs a node that has not answered after so long is not waited for */
  constructor(run: RunScript, bus: Bus, timeoutMs: number) {
    this.#run = run;
    this.#bus = bus;
    this.#requests = new Requests(timeoutMs);
    bus.on("F", ([, from = "", request = ""]) => bus.post(from, lineOf("G", request)));
    bus.on("G", ([, request = ""]) => this.#requests.answered(request));
  }

  /**
   * Resolves when all nodes that the last invalidation was sent to have dropped the route. A node that does not answer keeps no
   * login waiting: after the timeout it resolves as well.
   */
  async confirm(channel: Channel): Promise<void> {
    await this.#requests.ask(async (request) => {
      const args = [channel, this.#bus.token, request];
      return Number(await this.#run(CONFIRM_INVALIDATION, partitionOf(channel), args));
    });
  }
}
