import type { Channel, Claims, ClientConnection, Grants, Verb } from "../../protocol/protocol.ts";

/** Settings of the default policy, with the defaults of the hub's mode filled in (docs/PERMISSIONS.md). */
export interface PolicySettings {
  readonly join: "anyone" | "granted" | "nobody";
  readonly sendToUser: "anyone" | "granted" | "nobody";
  readonly sendToGroup: "members" | "granted" | "nobody";
  readonly broadcast: "anyone" | "granted" | "nobody";
  readonly edit: "anyone" | "granted" | "nobody";
  readonly history: "members" | "granted";
  readonly presence: "anyone" | "granted" | "nobody";
}

/** A question to the policy: may this connection do this with the channel? */
export interface PolicyRequest {
  readonly user: string;
  readonly verb: Verb;
  /**
   * `group:<id>` in a `join`; any channel in the others. `edit` is about messages that the user has sent to it. `presence` of `all` is
   * that of every user.
   */
  readonly channel: Channel;
  /** Claims of the credentials that the client last logged in with. */
  readonly claims: Claims;
  readonly platform: string;
  /** Permissions of the login, such as the claim `can` of its token. */
  readonly can: Grants;
  /** True for a visitor who has logged in without credentials. */
  readonly anonymous: boolean;
  /** The connection that asks, with the address of its client and the application's own data. */
  readonly connection: ClientConnection;
  /** Settings of the default policy. */
  readonly settings: PolicySettings;
  /** Tells whether the user has joined the group of the channel, or belongs to it durably. */
  isMember(): boolean | Promise<boolean>;
  /** Tells whether the user belongs durably to the group of the channel. */
  isDurableMember(): Promise<boolean>;
}

/** Decides whether a user may do something with a channel. The application may replace it. */
export interface Authorize {
  (request: PolicyRequest): boolean | Promise<boolean>;
  /** True when it asks the default policy about this channel: a refusal then names the grant that is missing. @default false */
  readonly hints?: (channel: Channel) => boolean;
}
