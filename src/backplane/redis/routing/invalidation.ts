import type { Channel } from "../../../protocol/protocol.ts";
import { type Bus, Requests } from "../bus/bus.ts";
import { lua, type RunScript, script } from "../connection/connection.ts";
import { KEY, partitionOf } from "../wire/keys.ts";
import { LINE, lineOf } from "../wire/lines.ts";

/** Asks the nodes that the last invalidation of a channel was sent to for a confirmation, on the way behind it. */
export const CONFIRM_INVALIDATION = script(
  "confirm-invalidation",
  lua`
-- KEYS[1]  base of the channel's partition
-- ARGV[1]  channel
-- ARGV[2]  token of the asking node
-- ARGV[3]  request
-- reply    number of nodes that it asked
local asked = 0
for _, token in ipairs(redis.call("SMEMBERS", key("${KEY.invalidated}", ARGV[1]))) do
  if token ~= ARGV[2] then
    post(token, "${LINE.confirm}" .. FIELD .. ARGV[2] .. FIELD .. ARGV[3])
    asked = asked + 1
  end
end
return asked
`,
);

/**
 * Confirms that the nodes that have cached a channel's route have dropped it, so that a message sent after a `welcome` reaches the new
 * connection. The invalidation may arrive after the answer to the script that sent it: a Redis that is short of time writes one long
 * after the other, and on Redis Cluster the invalidation goes from master to master. So those nodes are asked on the same way (`LINE.confirm`
 * and `LINE.confirmed`), and their answers are awaited. It costs a round trip, and only where a node has cached the route.
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
    bus.on(LINE.confirm, ([, from = "", request = ""]) => bus.post(from, lineOf(LINE.confirmed, request)));
    bus.on(LINE.confirmed, ([, request = ""]) => this.#requests.answered(request));
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
