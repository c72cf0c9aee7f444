/**
 * A node that does nothing but append messages to groups, a hundred in a tick, until it is killed. Arguments: url,
 * prefix, id, groups.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type BackplaneSink, redisBackplane } from "../../../../src/backplane/backplane.ts";

const [url = "", prefix = "", id = "", ...groups] = process.argv.slice(2);
const PER_TICK = 100;

const sink: BackplaneSink = {
  deliver: () => ({ connections: 0, dropped: 0 }),
  acknowledged() {},
  lost() {},
  presence() {},
  adjusted() {},
  presenceMissed() {},
  room() {},
  occupied() {},
  command: async () => 0,
  asked: async () => "",
  report: (stage, error) => console.error(stage, error),
};

const backplane = redisBackplane({ url, prefix, history: { count: 100_000, ageMs: 3_600_000 } });
await backplane.start({ id, ip: "127.0.0.1", port: 8080, connections: () => 0 }, sink);
for (let tick = 0; ; tick++) {
  const appended = Array.from({ length: PER_TICK }, (_, index) =>
    backplane.broker.append({
      id: `${id}-${tick}-${index}`,
      type: "chat",
      body: "1",
      timestamp: Date.now(),
      channel: `group:${groups[index % groups.length]}`,
    }),
  );
  if (tick % 3 === 0) await Promise.all(appended);
  else await nextTurn();
  if (tick === 0) process.send?.("writing");
}
