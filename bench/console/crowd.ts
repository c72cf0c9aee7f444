/** Clients of the bench, in a process of their own: they join a group each, and take what comes. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";

/** What a crowd is told at its start. */
export interface CrowdPlan {
  readonly url: string;
  /** Number of the first client. */
  readonly first: number;
  readonly count: number;
  readonly groups: number;
  /** Address of this side: each has ports of its own. */
  readonly address: string;
}

/** Clients that connect at a time. */
const TOGETHER = 50;

async function connect({ url, address, groups }: CrowdPlan, number: number): Promise<void> {
  const socket = new WebSocket(`${url}?user_id=user-${number}&platform=bench`, { localAddress: address });
  await once(socket, "message"); // its welcome
  socket.send(JSON.stringify({ id: 1, action: "group.join", data: { group: `group-${number % groups}` } }));
  await once(socket, "message");
  socket.on("message", () => undefined);
}

async function run(plan: CrowdPlan): Promise<void> {
  let next = plan.first;
  const end = plan.first + plan.count;
  const work = async (): Promise<void> => {
    while (next < end) await connect(plan, next++);
  };
  await Promise.all(Array.from({ length: TOGETHER }, work));
}

process.once("message", (plan: CrowdPlan) => {
  run(plan).then(
    () => process.send?.("connected"),
    async (error: unknown) => {
      console.error(error);
      await sleep(100);
      process.exit(1);
    },
  );
});
process.once("disconnect", () => process.exit());
