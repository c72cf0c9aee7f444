import type { Backplane } from "./backplane/backplane.ts";
import { addMember, type GroupMember, groupMembers, removeMember } from "./members/members.ts";
import {
  type Channel,
  type ConnectionInfo,
  groupChannel,
  isId,
  TidingsError,
  userChannel,
} from "./protocol/protocol.ts";
import { applicationKey, type Publisher, type PublishOptions, type Receipt } from "./publish/publish.ts";

/** The application's message types and their data, declared once: `{ chat: { text: string } }`. */
export type EventMap = Record<string, unknown>;

/** A message as the application sends it. */
export type Outgoing<Events extends object> = {
  [Type in keyof Events & string]: {
    readonly type: Type;
    /** Any JSON value. */
    readonly data?: Events[Type];
    /** In whose name; only the application may say so. @default nobody's */
    readonly from?: string;
    /** At most once, without history and offset. @default false */
    readonly ephemeral?: boolean;
  };
}[keyof Events & string];

/** What an audience works with. */
export interface AudiencePorts {
  readonly publisher: Publisher;
  readonly backplane: Backplane;
}

/** Which connections of an audience get a message. */
interface Filter {
  readonly platforms?: readonly string[];
  readonly except?: readonly string[];
}

const NO_FILTER: Filter = {};

/** One channel to send to. Narrowing it gives a new audience. */
export class Audience<Events extends object> {
  readonly #ports: AudiencePorts;
  readonly #channel: Channel;
  readonly #filter: Filter;

  constructor(ports: AudiencePorts, channel: Channel, filter: Filter = NO_FILTER) {
    this.#ports = ports;
    this.#channel = channel;
    this.#filter = filter;
  }

  /** Not to these connections, for instance the one that caused the message. Holds for live delivery. */
  except(...connections: string[]): Audience<Events> {
    return new Audience(this.#ports, this.#channel, { ...this.#filter, except: connections });
  }

  /** Only to connections on these platforms. */
  platforms(...platforms: string[]): Audience<Events> {
    return new Audience(this.#ports, this.#channel, { ...this.#filter, platforms });
  }

  /**
   * Publishes a message to the channel.
   * @throws TidingsError `bad_request` for a bad type or data, `unavailable` while the backplane is away
   */
  send(message: Outgoing<Events>, options?: PublishOptions): Promise<Receipt> {
    const { type, data, from, ephemeral } = message;
    const { platforms, except } = this.#filter;
    const draft = { type, data, from, ephemeral, channel: this.#channel, platforms, except };
    if (options?.key === undefined) return this.#ports.publisher.publish(draft, options);
    return this.#ports.publisher.publish(draft, { ...options, key: applicationKey(options.key) });
  }
}

export interface KickOptions {
  /** In words, for the close frame and the notice. */
  readonly reason?: string;
  /** Any JSON value, which the client gets in the notice before it is closed. */
  readonly notice?: unknown;
  /** Only connections on this platform. */
  readonly platform?: string;
}

/** One user on all devices, on every node. */
export class UserAudience<Events extends object> extends Audience<Events> {
  readonly #user: string;
  readonly #backplane: Backplane;

  constructor(ports: AudiencePorts, user: string) {
    super(ports, userChannel(checkedId("user", user)));
    this.#user = user;
    this.#backplane = ports.backplane;
  }

  /** Ends the user's connections, finally: the SDK does not come back. @returns how many connections that were */
  kick({ reason, notice, platform }: KickOptions = {}): Promise<number> {
    return this.#backplane.cluster.command({
      kind: "kick",
      cause: "kicked",
      user: this.#user,
      reason,
      notice,
      platform,
    });
  }

  /** The user's connections on all nodes. */
  connections(): Promise<ConnectionInfo[]> {
    return this.#backplane.presence.connectionsOf(this.#user);
  }
}

/** A group of users, on every node. */
export class GroupAudience<Events extends object> extends Audience<Events> {
  readonly #group: string;
  readonly #backplane: Backplane;

  constructor(ports: AudiencePorts, group: string) {
    super(ports, groupChannel(checkedId("group", group)));
    this.#group = group;
    this.#backplane = ports.backplane;
  }

  /** Who has joined or belongs. */
  members(): Promise<GroupMember[]> {
    return groupMembers(this.#backplane, this.#group);
  }

  /** Makes the user a durable member: joined now, and at every later login with what was missed. */
  async add(user: string): Promise<void> {
    await addMember(this.#backplane, this.#group, checkedId("user", user));
  }

  /** Ends the user's membership on all connections. */
  async remove(user: string): Promise<void> {
    await removeMember(this.#backplane, this.#group, checkedId("user", user));
  }
}

/** Several users, each on the own channel. */
export class UsersAudience<Events extends object> {
  readonly #ports: AudiencePorts;
  readonly #users: readonly string[];
  readonly #filter: Filter;

  constructor(ports: AudiencePorts, users: readonly string[], filter: Filter = NO_FILTER) {
    for (const user of users) checkedId("user", user);
    this.#ports = ports;
    this.#users = users;
    this.#filter = filter;
  }

  /** See {@link Audience.except}. */
  except(...connections: string[]): UsersAudience<Events> {
    return new UsersAudience(this.#ports, this.#users, { ...this.#filter, except: connections });
  }

  /** See {@link Audience.platforms}. */
  platforms(...platforms: string[]): UsersAudience<Events> {
    return new UsersAudience(this.#ports, this.#users, { ...this.#filter, platforms });
  }

  /**
   * Publishes to each user; data is encoded once, and ephemeral messages cost half of as many single sends. Receipts come in the order of the
   * users. An idempotency key counts for each by itself.
   * @throws TidingsError as {@link Audience.send} does, for the first user with whom it fails; the others get it all the same
   */
  send(message: Outgoing<Events>, options: PublishOptions = {}): Promise<Receipt[]> {
    const { type, data, from, ephemeral } = message;
    const { key } = options;
    const users = this.#users;
    const optionsOf = (index: number): PublishOptions =>
      key === undefined ? options : { ...options, key: applicationKey(`${key}/${users[index]}`) };
    const draft = { type, data, from, ephemeral, ...this.#filter };
    return this.#ports.publisher.publishEach(users.map(userChannel), draft, optionsOf);
  }
}

/** @throws TidingsError `bad_request` when the value cannot be an id */
function checkedId(what: string, id: string): string {
  if (isId(id)) return id;
  throw new TidingsError(
    "bad_request",
    `${what}: expected an id of 1–128 characters without control characters`,
  );
}
