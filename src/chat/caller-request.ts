import type { Channel, PolicyRequest, PolicySettings } from "../index.ts";
import { type Core, PREFIX } from "./core.ts";
import type { Caller } from "./operation.ts";

const GROUP = "group:";

/** A question to the application's policy about what a caller asks the chat for. */
export class CallerRequest implements PolicyRequest {
  readonly user: string;
  readonly verb: PolicyRequest["verb"];
  readonly channel: Channel;
  readonly claims: PolicyRequest["claims"];
  readonly can: PolicyRequest["can"];
  readonly connection: PolicyRequest["connection"];
  readonly anonymous = false;
  readonly #core: Core;
  readonly #group: string;
  readonly #isMember: boolean | undefined;

  /** @param isMember whether the caller is in the group of the channel, where it is known already */
  constructor(
    core: Core,
    { user, claims, connection, address }: Caller,
    verb: PolicyRequest["verb"],
    channel: Channel,
    isMember?: boolean,
  ) {
    const { node } = core.hub;
    const http = {
      id: "http",
      user,
      platform: "http",
      device: "http",
      node,
      connectedAt: Date.now(),
      claims,
      data: {},
    };
    this.#core = core;
    this.#group = channel.slice(GROUP.length);
    this.#isMember = isMember;
    this.user = user;
    this.verb = verb;
    this.channel = channel;
    this.claims = claims;
    this.can = (claims.can ?? {}) as PolicyRequest["can"]; // the hub has checked the claims of its tokens
    this.connection = connection ?? (address === undefined ? http : { ...http, address });
  }

  get platform(): string {
    return this.connection.platform;
  }

  get settings(): PolicySettings {
    const { config, development } = this.#core.hub;
    const { join, broadcast, presence, sendToUser, sendToGroup, edit, history } = config.policy;
    return {
      ...{ sendToUser, sendToGroup, edit, history },
      join: join ?? (development ? "anyone" : "granted"),
      broadcast: broadcast ?? (development ? "anyone" : "nobody"),
      presence: presence ?? (development ? "anyone" : "granted"),
    };
  }

  /** The tables are the truth about groups of the chat. */
  isMember(): Promise<boolean> {
    return this.isDurableMember();
  }

  async isDurableMember(): Promise<boolean> {
    if (this.#isMember !== undefined) return this.#isMember;
    const { database, hub } = this.#core;
    if (!this.#group.startsWith(PREFIX)) return (await hub.user(this.user).groups()).includes(this.#group);
    const row = await database.guarded(() =>
      database.queries
        .selectFrom("chat_member")
        .select("role")
        .where("group_id", "=", this.#group)
        .where("user_id", "=", this.user)
        .executeTakeFirst(),
    );
    return row !== undefined;
  }
}
