/** The calls to a node of the cluster under test. */
import type { Metered, Tally } from "../rig/rig.ts";

/** Publish to single users in turn, as fast as Redis and the receiver can follow. */
export interface FlowPlan {
  /** Messages published in one turn of the event loop. */
  perTick: number;
  /** Users `u0` … `u<users-1>`; each gets equally many. */
  users: number;
  stored: boolean;
  /** The users of a tick get the same message, by one call. */
  together: boolean;
  /** Minimum duration, in seconds. */
  seconds: number;
  /** The receiver confirms so many messages at a time … */
  chunk: number;
  /** … and at most so many, rounded up to chunks, are in flight: Redis must not have to queue without bound. */
  window: number;
}

/** Publish to single users at a steady rate. Each message carries the time of its publishing. */
export interface RatePlan {
  perSecond: number;
  seconds: number;
  users: number;
  stored: boolean;
}

export interface FlowReport extends Metered {
  messages: number;
}

/** A node's work on messages for the users it holds, during one measurement. */
export interface ArrivalPhase {
  /** Confirm every so many messages; 0: do not confirm. */
  chunk: number;
  /** Port to which the receiver confirms. */
  pacePort: number;
  /** Record how old the messages to each n-th user are; 0: of none. */
  timeEvery: number;
}

/** A node of the cluster under test; any may publish, and any may receive. */
export interface NodeApi {
  /** `port` is where clients connect, `pacePort` where receivers confirm what this node published. */
  address(argument: null): { port: number; pacePort: number };
  /** Adds users without sockets to this node. Messages to them are counted at the sink, in place of the hub. */
  hold(argument: { users: number }): Promise<null>;
  /** The users held expect messages 0, 1, 2 … from here on. */
  begin(phase: ArrivalPhase): Promise<null>;
  /** Resolves when so many messages in all have arrived since the phase began. */
  reach(argument: { messages: number }): Promise<null>;
  tally(argument: null): Tally;
  publishFlow(plan: FlowPlan): Promise<FlowReport>;
  publishAtRate(plan: RatePlan): Promise<FlowReport>;
  collectGarbage(argument: null): null;
  /** CPU time since the node began: user and system, all threads. */
  usage(argument: null): { cpuUs: number };
}

/** The argument of a node's program. */
export interface NodeArgument {
  /** URL of Redis. */
  url: string;
  /** Prefix of the node's keys and Pub/Sub channels, so that contenders get no messages of each other. */
  prefix: string;
  /** True if the node has receivers. */
  hasReceivers: boolean;
}
