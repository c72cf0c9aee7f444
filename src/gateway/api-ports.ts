import type { Inbound } from "../actions/actions.ts";
import type { Backplane } from "../backplane/backplane.ts";
import type { Local } from "../local/local.ts";
import type { Publisher } from "../publish/publish.ts";
import type { Authenticator } from "./auth.ts";
import type { Metrics } from "./metrics.ts";
import type { Probe } from "./probe.ts";

/** What the HTTP API works with. */
export interface ApiPorts {
  readonly publisher: Publisher;
  readonly backplane: Backplane;
  /** Whether the backplane is there, by a message that goes through it. */
  readonly probe: Probe;
  readonly local: Local;
  readonly inbound: Inbound;
  readonly authenticator: Authenticator;
  readonly metrics: Metrics;
  /** This node's id. */
  readonly node: string;
  /** What callers must present. Without it the API is closed, but in development mode. */
  readonly apiKey: string | undefined;
  readonly development: boolean;
  readonly isDraining: () => boolean;
  readonly limits: { readonly maxMessageBytes: number };
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** Where WebSockets connect. Some routes are below it: `/ws/stats`, `/ws/message`, … */
  readonly path: string;
  /** Is told about failures of the server's own, of which a caller learns no more than `internal`. @default nobody */
  readonly report?: (stage: string, error: unknown) => void;
}
