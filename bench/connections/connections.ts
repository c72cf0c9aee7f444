import { fileURLToPath } from "node:url";
import { Caller, spawnNode } from "../rig/rig.ts";
import type { ConnectionsResult, Plan } from "./plan.ts";
import type { SubjectApi } from "./subject.ts";

export interface Watching {
  /** Says what is being done. */
  readonly say: (what: string) => void;
  /** Writes a CPU profile of the hub into this directory. */
  readonly profileTo?: string | undefined;
}

/** Heap for each connection: twice what one takes, so that V8 need not collect all the time. */
const HEAP_KIB = 16;
const LEAST_HEAP_MIB = 2_048;

/** Measures sockets, `ws`, and the hub, each in a process of its own, one after the other. */
export async function measureConnections(
  plan: Plan,
  { say, profileTo }: Watching,
): Promise<ConnectionsResult> {
  const heapMiB = LEAST_HEAP_MIB + Math.ceil((plan.connections * HEAP_KIB) / 1_024);
  const run = async <Result>(
    name: "sockets" | "ws" | "hub",
    measure: (subject: Caller<SubjectApi>) => Promise<Result>,
  ): Promise<Result> => {
    say(`${plan.connections} connections: ${name}`);
    const profile =
      profileTo === undefined || name !== "hub" ? undefined : { directory: profileTo, name: "connections" };
    const child = spawnNode([`--max-old-space-size=${heapMiB}`, SUBJECT], profile);
    const subject = await Caller.start<SubjectApi>(child, name);
    try {
      return await measure(subject);
    } finally {
      await subject.close();
    }
  };
  return {
    plan,
    heapMiB,
    sockets: await run("sockets", (subject) => subject.call("control", { kind: "sockets", plan })),
    ws: await run("ws", (subject) => subject.call("control", { kind: "ws", plan })),
    hub: await run("hub", (subject) => subject.call("hub", plan)),
  };
}

const SUBJECT = fileURLToPath(new URL("subject.ts", import.meta.url));

export type { ConnectionsResult, Plan } from "./plan.ts";
export { formatConnections, judgeConnections } from "./report.ts";
