/**
 * A node of Tidings without the hub around it: the Redis backplane, and a sink that counts where a hub would deliver.
 */
import { type Backplane, type BackplaneSink, redisBackplane } from "../../../src/backplane/backplane.ts";
import { userChannel } from "../../../src/protocol/protocol.ts";
import { AcceptedMessage } from "../../../src/publish/message.ts";
import type { BenchData } from "../../rig/rig.ts";
import type { Arrivals } from "../arrivals.ts";
import { hostNode, nodeArgument } from "../host.ts";
import { HISTORY_COUNT, QUIET_S } from "../quiet.ts";

/** More of them would wait in Redis for longer than a command may take, on a busy machine. */
const ARRIVALS_AT_ONCE = 500;
const NO_RULES = { maxPerUser: 0, perUserPolicy: "reject", onePerPlatform: false } as const;

const { url, prefix } = nodeArgument();
const node = { id: `bench-${process.pid}`, ip: "127.0.0.1", port: 0, connections: () => 0 };
let arrivals: Arrivals | undefined;
let sent = 0;

const ONE = { connections: 1, dropped: 0 };

const sink: BackplaneSink = {
  deliver({ channel, body }) {
    arrivals?.message(channel, body);
    return ONE;
  },
  acknowledged: () => {},
  adjusted: () => {},
  lost: (channel) => fail(`the history of ${channel} was lost`),
  presence: () => {},
  presenceMissed: () => {},
  room: () => {},
  occupied: () => {},
  command: async () => 0,
  asked: async () => "",
  report: (stage, error) => fail(`${stage}: ${error}`),
};

const backplane: Backplane = redisBackplane({
  url,
  prefix,
  history: { count: HISTORY_COUNT, ageMs: 3_600_000 },
  heartbeatMs: QUIET_S * 1000,
  timeoutMs: 3 * QUIET_S * 1000,
});
await backplane.start(node, sink);

await hostNode({
  port: 0,
  send(user, data, stored) {
    const content = { type: "bench", body: bodyOf(data), timestamp: Date.now() };
    const message = new AcceptedMessage(`bench-${sent++}`, userChannel(user), content);
    void (stored ? backplane.broker.append(message) : backplane.broker.relay(message));
  },
  async hold(users, held) {
    arrivals = held;
    const connectedAt = Date.now();
    const arrive = (user: string) =>
      backplane.presence.arrive(
        { id: `c-${user}`, user, platform: "web", device: "web", node: node.id, connectedAt },
        NO_RULES,
      );
    for (let start = 0; start < users; start += ARRIVALS_AT_ONCE) {
      const count = Math.min(ARRIVALS_AT_ONCE, users - start);
      await Promise.all(Array.from({ length: count }, (_, index) => arrive(`u${start + index}`)));
    }
  },
});

/**
 * Writes the data as JSON.stringify would, at a third of the cost: the hub encodes data, so the bench of the backplane
 * must not.
 */
function bodyOf({ n, text, user, at }: BenchData): string {
  const time = at === undefined ? "" : `,"at":${at}`;
  return `{"n":${n},"text":"${text}","user":"${user}"${time}}`;
}

/** Ends the process, and with it the bench. */
function fail(reason: string): never {
  throw new Error(reason);
}
