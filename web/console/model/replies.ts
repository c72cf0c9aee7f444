/** Replies of the HTTP API and of the feed, as docs/HTTP-API.md describes them, as far as the page reads them. */

/** A login at the WebSocket. */
export interface ConsoleLogin {
  readonly token: string;
  readonly user: string;
}

export interface Quantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export interface Degradation {
  readonly what: string;
  readonly why: string;
  readonly since: number;
}

export interface Statistics {
  readonly since: number;
  readonly draining: boolean;
  readonly connections: number;
  readonly users: number;
  readonly groups: number;
  readonly rates: Readonly<
    Record<"received" | "published" | "delivered" | "dropped" | "connects" | "disconnects", number>
  >;
  readonly latency: Readonly<Record<"stored" | "ephemeral" | "delivery", Quantiles | null>>;
  readonly queues: { readonly connections: number; readonly bytes: number };
  readonly waiting: number;
  readonly slow: Readonly<Record<"dropped" | "waited" | "closed" | "cut", number>>;
  readonly disconnects: Readonly<Record<string, number>>;
  readonly denied: Readonly<Record<string, number>>;
  readonly loop: { readonly utilization: number; readonly delay: Quantiles & { readonly max: number } };
  readonly memory: { readonly rss: number; readonly heapUsed: number };
  readonly degraded: readonly Degradation[];
  readonly refusal: string | null;
}

export interface ApiFailure {
  readonly code: string;
  readonly message: string;
}

export interface NodeEntry {
  readonly node: string;
  readonly statistics?: Statistics;
  readonly error?: ApiFailure;
}

export interface GroupRate {
  readonly group: string;
  readonly messages: number;
  readonly deliveries: number;
  readonly nodes: number;
}

export interface Connection {
  readonly id: string;
  readonly user: string;
  readonly platform: string;
  readonly device: string;
  readonly node: string;
  readonly address: string;
  readonly connectedAt: number;
  readonly groups: number;
  readonly queue: { readonly messages: number; readonly bytes: number; readonly stalledMs: number };
}

export interface Top {
  readonly at: number;
  readonly node: string;
  /** Each counted once; null while the cluster cannot be asked. */
  readonly users: number | null;
  readonly nodes: readonly NodeEntry[];
  readonly groups: readonly GroupRate[];
  readonly connections: readonly Connection[];
  readonly incomplete: string | null;
}

export type SeriesName =
  | "connections"
  | "users"
  | "received"
  | "published"
  | "delivered"
  | "dropped"
  | "connects"
  | "disconnects"
  | "deliveryP50"
  | "deliveryP99"
  | "loopP99"
  | "loopUtilization"
  | "rss"
  | "degraded";

export interface History {
  readonly from: number;
  readonly everyMs: number;
  readonly series: Readonly<Record<SeriesName, readonly (number | null)[]>>;
  readonly silent: readonly string[];
}

interface Silent extends ApiFailure {
  readonly node: string;
}

export interface UserPage {
  readonly users: readonly {
    readonly user: string;
    readonly connections: number;
    readonly platforms: readonly string[];
  }[];
  readonly next?: string;
  readonly silent: readonly Silent[];
}

export interface UserDetail {
  readonly user: string;
  readonly online: boolean;
  readonly blockedMs: number;
  readonly groups: readonly string[];
  readonly connections: readonly Connection[];
  readonly silent: readonly Silent[];
}

export interface BlockPage {
  readonly users: readonly { readonly user: string; readonly until: number }[];
  readonly cursor?: string;
}

/** A group that somebody has joined. Its rates are null where no node counts them. */
export interface FoundGroup {
  readonly group: string;
  readonly connections: number;
  readonly nodes: number;
  readonly messages: number | null;
  readonly deliveries: number | null;
}

export interface GroupPage {
  readonly groups: readonly FoundGroup[];
  readonly next?: string;
  readonly silent: readonly Silent[];
}

export interface MemberPage {
  readonly members: readonly {
    readonly user: string;
    readonly online: boolean;
    readonly durable: boolean;
    readonly data?: unknown;
  }[];
  readonly online: number;
  readonly durable: number;
  readonly cursor?: string;
}

export interface StoredMessage {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
  readonly timestamp: number;
  readonly from?: string;
  readonly offset: number;
  readonly deletedAt?: number;
}

export interface HistoryPage {
  readonly messages: readonly StoredMessage[];
}

export interface Receipt {
  readonly state: string;
  readonly id: string;
  readonly connections: number;
  readonly nodes: number;
  readonly total?: number;
  readonly offset?: number;
}

export interface CommandResult {
  readonly connections: number;
  readonly unconfirmed: number;
}

export interface Finding {
  readonly code: string;
  readonly text: string;
  readonly at?: number;
  readonly node?: string;
  readonly connection?: string;
  readonly channel?: string;
  readonly message?: string;
  readonly count?: number;
}

export interface Explanation {
  readonly user?: string;
  readonly findings: readonly Finding[];
  readonly message?: {
    readonly id: string;
    readonly channel: string;
    readonly from?: string;
    readonly timestamp: number;
    readonly offset?: number;
    readonly publisher?: string;
    readonly nodes: readonly {
      readonly node: string;
      readonly connections?: number;
      readonly dropped?: number;
      readonly receivers: number;
    }[];
    readonly history?: { readonly state: string; readonly first: number; readonly last: number };
    readonly acknowledged: readonly {
      readonly user: string;
      readonly device: string;
      readonly offset?: number;
    }[];
  };
  readonly nodes: readonly {
    readonly node: string;
    readonly recording?: boolean;
    readonly since?: number;
    readonly error?: string;
  }[];
}

export interface HubEvent {
  readonly kind: string;
  readonly at: number;
  readonly node: string;
  readonly user?: string;
  readonly connection?: string;
  readonly platform?: string;
  readonly address?: string;
  readonly channel?: string;
  readonly message?: string;
  readonly code?: string;
  readonly detail?: string;
  readonly count?: number;
}

export interface EventPage {
  readonly events: readonly HubEvent[];
  readonly omitted: number;
  readonly silent: readonly string[];
}

export interface LimitsReply {
  readonly limits: Readonly<Record<string, unknown>>;
  readonly changes: Readonly<Record<string, unknown>>;
  /** Of the changes. */
  readonly version: string;
}
