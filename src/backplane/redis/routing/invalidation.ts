import type { Channel } from "../../../protocol/protocol.ts";
import { type Bus, Requests, type SilentNodes } from "../bus/bus.ts";
import { lua, type RunScript, script } from "../connection/connection.ts";
import { KEY, partitionOf } from "../wire/keys.ts";
import { LINE, lineOf } from "../wire/lines.ts";

export const CONFIRM_INVALIDATION = script(
  "confirm-invalidation",
  lua`
-- Asks the nodes that got the last invalidation of a channel to confirm it, by a line that follows the invalidation.
-- KEYS[1]  base of the channel's partition
-- ARGV[1]  channel
-- ARGV[2]  token of the asking node
-- ARGV[3]  id of the request
-- reply    tokens of the nodes asked
local asked = {}
for _, token in ipairs(redis.call("SMEMBERS", key("${KEY.invalidated}", ARGV[1]))) do
  -- A node that was declared dead takes another token when it continues, and an empty route cache.
  if token ~= ARGV[2] and not is_fenced(token) then
    post(token, "${LINE.confirm}" .. FIELD .. ARGV[2] .. FIELD .. ARGV[3])
    table.insert(asked, token)
  end
end
return asked
`,
);

/**
 * Confirms that all nodes with a cached route of a channel have dropped it, so that a message sent after a `welcome`
 * reaches the new connection. An invalidation may arrive later than the reply of the script that sent it: a busy Redis
 * may write the two far apart, and on Redis Cluster the invalidation travels from master to master. So a line
 * `LINE.confirm` follows it over the same connections, and each node answers with `LINE.confirmed`. This costs a round
 * trip, and only if a node has cached the route.
 */
export class Invalidation {
  readonly #run: RunScript;
  readonly #bus: Bus;
  readonly #requests: Requests;

  /** @param timeoutMs after this time a confirmation no longer waits for missing answers */
  constructor(run: RunScript, bus: Bus, timeoutMs: number) {
    this.#run = run;
    this.#bus = bus;
    this.#requests = new Requests(timeoutMs, bus.silent);
    bus.on(LINE.confirm, ([, from = "", request = ""]) =>
      bus.answer(from, lineOf(LINE.confirmed, request, bus.token)),
    );
    bus.on(LINE.confirmed, ([, request = "", from = ""]) => this.#requests.answered(request, from));
  }

  /**
   * Resolves when all nodes that the last invalidation was sent to have dropped the route. A node that does not answer
   * delays one login by the timeout, and no later one until it is heard of ({@link SilentNodes} tells why that is safe).
   */
  async confirm(channel: Channel): Promise<void> {
    await this.#requests.ask(async (request) => {
      const args = [channel, this.#bus.token, request];
      return (await this.#run(CONFIRM_INVALIDATION, partitionOf(channel), args)) as string[]; // by the script
    });
  }
}
