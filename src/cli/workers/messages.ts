import type { Config } from "../../config/config.ts";
import type { Collected, ReportName } from "../../gateway/gateway.ts";

/** First message to a worker: its configuration, with its node id and port, and the node id of the server. */
export interface Task {
  readonly config: Config;
  readonly server: string;
}

/** Message that makes a worker drain and exit. */
export const STOP = "stop";

/** Message that asks a worker for a sign of life, and its answer. */
export const PING = "ping";
export const ALIVE = "alive";

/** Message that gives a worker the limits of a configuration that was read again. */
export interface NewLimits {
  readonly limits: Config["limits"];
}

/** Message of a worker that cannot start: the supervisor prints it, once for all workers. */
export interface Failure {
  readonly failure: string;
}

/** Message of a worker that listens. */
export interface Ready {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly development: boolean;
}

/** Asks a worker for a report, and its answer: without a body it has none now. */
export interface ReportRequest {
  readonly report: ReportName;
  readonly id: number;
}
export interface ReportReply {
  readonly reported: number;
  readonly body?: unknown;
}

/** Asks the supervisor for the reports of all workers, and its answer. */
export interface CollectRequest {
  readonly collect: ReportName;
  readonly id: number;
}
export interface CollectReply {
  readonly collected: Collected;
  readonly id: number;
}

export type ToWorker = Task | typeof STOP | typeof PING | ReportRequest | CollectReply | NewLimits;
export type ToSupervisor = typeof ALIVE | Ready | Failure | ReportReply | CollectRequest;
