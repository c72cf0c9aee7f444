import type { DialectName } from "../rig/rig.ts";

/** A row of the results: who publishes on node A, and who receives on node B. */
export interface ClusterContender {
  name: ClusterContenderName;
  title: string;
  /** Programs in nodes/. B's is the same for receivers with sockets and without, unless it says otherwise. */
  publishes: string;
  receives: string;
  /** The program on B for clients with sockets; absent if the contender cannot deliver to clients. */
  serves?: string;
  dialect: DialectName;
  /** True if B can count messages at its sink; otherwise only clients can. */
  hasSink: boolean;
  stored: boolean;
  /** Publishes one message to all users of a tick by one call. Applies to throughput only. @default false */
  together?: boolean;
}

export type ClusterContenderName =
  | "tidings-hub"
  | "tidings-hub-users"
  | "tidings-backplane"
  | "publish"
  | "socketio-redis"
  | "tidings-hub-stored"
  | "tidings-hub-users-stored"
  | "tidings-backplane-stored"
  | "publish-xadd";

const hub = {
  publishes: "hub.ts",
  receives: "backplane.ts",
  serves: "hub.ts",
  dialect: "tidings",
  hasSink: true,
} as const;
const many = { ...hub, serves: undefined, together: true } as const;
const backplane = {
  publishes: "backplane.ts",
  receives: "backplane.ts",
  dialect: "tidings",
  hasSink: true,
} as const;
const control = {
  publishes: "publish.ts",
  receives: "publish.ts",
  serves: "publish.ts",
  dialect: "plain",
  hasSink: true,
} as const;

export const CLUSTER_CONTENDERS: readonly ClusterContender[] = [
  { ...hub, name: "tidings-hub", title: "Tidings, hub.user(u).send", stored: false },
  { ...many, name: "tidings-hub-users", title: "Tidings, hub.users(list).send", stored: false },
  { ...backplane, name: "tidings-backplane", title: "Tidings, broker.relay", stored: false },
  { ...control, name: "publish", title: "ioredis, one PUBLISH each", stored: false },
  {
    name: "socketio-redis",
    title: "Socket.IO, Redis adapter",
    publishes: "socketio.ts",
    receives: "socketio.ts",
    serves: "socketio.ts",
    dialect: "socketio",
    hasSink: false,
    stored: false,
  },
  { ...hub, name: "tidings-hub-stored", title: "Tidings, hub.user(u).send, stored", stored: true },
  { ...many, name: "tidings-hub-users-stored", title: "Tidings, hub.users(list).send, stored", stored: true },
  { ...backplane, name: "tidings-backplane-stored", title: "Tidings, broker.append", stored: true },
  { ...control, name: "publish-xadd", title: "ioredis, one PUBLISH + one XADD each", stored: true },
];
