import type { Inbound } from "../../actions/actions.ts";
import type { Backplane, Questions } from "../../backplane/backplane.ts";
import type { Config } from "../../config/config.ts";
import type { Local } from "../../local/local.ts";
import type { MessageLog } from "../../log/log.ts";
import type { HistoryReads, Publisher } from "../../publish/publish.ts";
import type { Why } from "../../why/why.ts";
import type { ApiKeys, Authenticator, Neighbours } from "../auth/auth.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Overload } from "../overload.ts";
import type { Probe } from "../probe.ts";
import type { RequestScope } from "../request-ids.ts";
import type { Workers } from "../workers.ts";
import type { Endpoints } from "./endpoints.ts";
import type { HttpLimits } from "./limits.ts";

/** A request after its answer. */
export interface AnsweredRequest {
  readonly method: string;
  /** Path of the request, shortened. */
  readonly path: string;
  readonly status: number;
  readonly ms: number;
  readonly address: string | undefined;
}

/** Traces of HTTP requests. */
export interface HttpTracing {
  http(
    request: {
      readonly id: string;
      readonly method: string;
      readonly path: string;
      readonly address: string | undefined;
      readonly headers: Headers;
      /** True for a caller who may choose the trace. */
      readonly isTrusted: boolean;
    },
    work: () => Promise<{ readonly route: string | undefined; readonly status: number }>,
  ): Promise<unknown>;
}

/** The limits of this node, and the way to change them on all nodes. */
export interface LimitSettings {
  readonly inForce: Config["limits"];
  /** The part that was changed while the nodes run. */
  readonly changes: object;
  /** Names that part: the same changes have the same version, on every node. */
  readonly version: string;
  /**
   * Replaces that part on all nodes.
   * @param changes any part of `limits`; settings that are left out have the value of the configuration
   * @param version of the part that they may replace. @default any
   * @throws TidingsError `bad_request` listing what is wrong, `conflict` for another version, `unavailable` without the backplane
   */
  change(changes: unknown, version?: string): Promise<void>;
}

/** Gives logins to consoles. */
export interface ConsoleLogins {
  /** @param user of an earlier login of the page, which goes on. @default a new one */
  mint(user?: string): Promise<{ readonly token: string; readonly user: string; readonly expiresAt: number }>;
}

/** Ports of the HTTP API. */
export interface ApiPorts {
  readonly publisher: Publisher;
  readonly reads: HistoryReads;
  readonly backplane: Backplane;
  /** Questions to nodes, for operators. */
  readonly questions: Questions;
  /** Checks the backplane by a message through it. */
  readonly probe: Probe;
  readonly local: Local;
  readonly inbound: Inbound;
  readonly authenticator: Authenticator;
  readonly metrics: Metrics;
  /** This node's id. */
  readonly node: string;
  /** API keys of callers. Without them the API is closed, except in development mode. */
  readonly apiKeys?: ApiKeys | undefined;
  readonly development: boolean;
  /** Origins whose pages may read answers. @default none */
  readonly corsOrigins?: readonly string[];
  /** Clients of development mode. @default this machine */
  readonly neighbours?: Neighbours;
  readonly isDraining: () => boolean;
  /** Begins to drain this node, for whoever asks over the API of any node. @default it cannot be drained */
  readonly drain?: () => void;
  /** Limits of requests. @default none */
  readonly httpLimits?: HttpLimits;
  /** The limits in force, which callers may change. @default none: there are no routes for them */
  readonly limitSettings?: LimitSettings;
  /** The message log. @default none */
  readonly messageLog?: Pick<MessageLog, "search"> | undefined;
  /** The configuration of this node, which callers see without its secrets. @default none: there is no route for it */
  readonly config?: Config;
  /** @default none: there is no route for them */
  readonly consoles?: ConsoleLogins | undefined;
  /** Explains why messages did not arrive. */
  readonly why: Pick<Why, "explain">;
  /** @default never overloaded */
  readonly overload?: Pick<Overload, "refusal">;
  /** Endpoints of the application. @default none */
  readonly endpoints?: Endpoints | undefined;
  /** The workers of a supervised server, for which this one answers. @default this node answers for itself */
  readonly workers?: Workers | undefined;
  readonly limits: { readonly maxMessageBytes: number };
  /** By the monotonic clock, in milliseconds. */
  readonly startedAt: number;
  /** Path of WebSockets. Some routes are below it: `/ws/stats`, `/ws/message`, … */
  readonly path: string;
  /** Called after each request. @default none */
  readonly requested?: ((request: AnsweredRequest) => void) | undefined;
  /** @default nothing is traced */
  readonly tracing?: HttpTracing | undefined;
  /** Tells the log of which request its lines are. @default nothing */
  readonly requestScope?: RequestScope | undefined;
  /** Reports unexpected errors, which callers see as `internal`. @default none */
  readonly report?: (stage: string, error: unknown) => void;
}

/** The ports that are wired parts of a hub. */
export type ApiParts = Pick<
  ApiPorts,
  | "publisher"
  | "reads"
  | "backplane"
  | "probe"
  | "local"
  | "inbound"
  | "metrics"
  | "isDraining"
  | "drain"
  | "messageLog"
  | "why"
>;
