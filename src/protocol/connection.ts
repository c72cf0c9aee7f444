/** Identity of one connection, as every node and the application see it. Set at login, never changed. */
export interface ConnectionInfo {
  /** Unique in the cluster. */
  readonly id: string;
  readonly user: string;
  /** `web`, `ios`, …: chosen by the client, or bound by its token. */
  readonly platform: string;
  /** Names the device among the user's cursors. @default the platform */
  readonly device: string;
  /** Id of the node that holds the connection. */
  readonly node: string;
  /** Milliseconds since 1970. */
  readonly connectedAt: number;
  /**
   * Address of the client: the last one on its way that is no trusted proxy (`trustProxy`). Absent for a connection on
   * another node.
   */
  readonly address?: string;
}

/** Claims of the credentials of a login, such as those of its token. */
export type Claims = Readonly<Record<string, unknown>>;

/** A connection of this node, as policy, hooks, middleware and the handlers of actions see it. */
export interface ClientConnection extends ConnectionInfo {
  /** Claims of the credentials that the client last logged in with. Empty where there are none. */
  readonly claims: Claims;
  /** Place for the application's own data of this connection. It ends with the connection. */
  readonly data: Record<string, unknown>;
}
