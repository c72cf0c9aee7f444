import type {
  Audience,
  GroupAudience,
  KickOptions,
  KickResult,
  Outgoing,
  UserAudience,
  UsersAudience,
} from "./audience.ts";
import type { Backplane } from "./backplane/backplane.ts";
import {
  addMember,
  type ConnectionName,
  type GroupMember,
  groupMembers,
  moveConnection,
  removeMember,
} from "./members/members.ts";
import {
  type Channel,
  type ConnectionInfo,
  groupChannel,
  idError,
  isId,
  TidingsError,
  userChannel,
} from "./protocol/protocol.ts";
import { applicationKey, type Publisher, type PublishOptions, type Receipt } from "./publish/publish.ts";

export interface AudiencePorts {
  readonly publisher: Publisher;
  readonly backplane: Backplane;
}

/** Connections of an audience that get a message. */
interface Filter {
  readonly platforms?: readonly string[];
  readonly except?: readonly string[];
}

const NO_FILTER: Filter = {};

export class ChannelAudience<Events extends object> implements Audience<Events> {
  readonly #ports: AudiencePorts;
  readonly #channel: Channel;
  readonly #filter: Filter;

  constructor(ports: AudiencePorts, channel: Channel, filter: Filter = NO_FILTER) {
    this.#ports = ports;
    this.#channel = channel;
    this.#filter = filter;
  }

  except(...connections: string[]): Audience<Events> {
    const except = checkedIds("except", connections);
    return new ChannelAudience(this.#ports, this.#channel, { ...this.#filter, except });
  }

  platforms(...platforms: string[]): Audience<Events> {
    checkedIds("platforms", platforms);
    return new ChannelAudience(this.#ports, this.#channel, { ...this.#filter, platforms });
  }

  send(message: Outgoing<Events>, options?: PublishOptions): Promise<Receipt> {
    const { type, data, from, ephemeral } = message;
    const { platforms, except } = this.#filter;
    const draft = { type, data, from, ephemeral, channel: this.#channel, platforms, except };
    const problem = problemOf(from, options?.key);
    if (problem !== undefined) return Promise.reject(problem);
    if (options?.key === undefined) return this.#ports.publisher.publish(draft, options);
    return this.#ports.publisher.publish(draft, { ...options, key: applicationKey(options.key) });
  }
}

export class UserChannelAudience<Events extends object>
  extends ChannelAudience<Events>
  implements UserAudience<Events>
{
  readonly #user: string;
  readonly #backplane: Backplane;

  constructor(ports: AudiencePorts, user: string) {
    super(ports, userChannel(checkedId("user", user)));
    this.#user = user;
    this.#backplane = ports.backplane;
  }

  async kick({ reason, notice, platform }: KickOptions = {}): Promise<KickResult> {
    if (platform !== undefined) checkedId("platform", platform);
    return this.#backplane.cluster.command({
      kind: "kick",
      cause: "kicked",
      user: this.#user,
      reason,
      notice,
      platform,
    });
  }

  async block(ms: number, options?: Pick<KickOptions, "reason" | "notice">): Promise<KickResult> {
    return blockUser(this.#backplane, this.#user, ms, options);
  }

  refresh(): Promise<KickResult> {
    return this.#backplane.cluster.command({ kind: "refresh", user: this.#user });
  }

  connections(): Promise<ConnectionInfo[]> {
    return this.#backplane.presence.connectionsOf(this.#user);
  }

  isOnline(): Promise<boolean> {
    return this.#backplane.presence.isOnline(this.#user);
  }

  async groups(): Promise<string[]> {
    return [...(await this.#backplane.memberships.groupsOf(this.#user))].sort();
  }
}

export class GroupChannelAudience<Events extends object>
  extends ChannelAudience<Events>
  implements GroupAudience<Events>
{
  readonly #group: string;
  readonly #backplane: Backplane;

  constructor(ports: AudiencePorts, group: string) {
    super(ports, groupChannel(checkedId("group", group)));
    this.#group = group;
    this.#backplane = ports.backplane;
  }

  members(): Promise<GroupMember[]> {
    return groupMembers(this.#backplane, this.#group);
  }

  async add(user: string): Promise<void> {
    await addMember(this.#backplane, this.#group, checkedId("user", user));
  }

  async remove(user: string): Promise<void> {
    await removeMember(this.#backplane, this.#group, checkedId("user", user));
  }

  join(connection: ConnectionName): Promise<boolean> {
    return this.#move("join", connection);
  }

  leave(connection: ConnectionName): Promise<boolean> {
    return this.#move("leave", connection);
  }

  async #move(kind: "join" | "leave", { user, id }: ConnectionName): Promise<boolean> {
    const name = { user: checkedId("user", user), id: checkedId("connection", id) };
    const { connections, unconfirmed } = await moveConnection(this.#backplane, kind, this.#group, name);
    if (connections > 0 || unconfirmed === 0) return connections > 0;
    throw new TidingsError("unavailable", "the node of the connection does not answer");
  }
}

export class UserChannelsAudience<Events extends object> implements UsersAudience<Events> {
  readonly #ports: AudiencePorts;
  readonly #users: readonly string[];
  readonly #filter: Filter;

  constructor(ports: AudiencePorts, users: readonly string[], filter: Filter = NO_FILTER) {
    checkedIds("user", users);
    this.#ports = ports;
    this.#users = users;
    this.#filter = filter;
  }

  except(...connections: string[]): UsersAudience<Events> {
    const except = checkedIds("except", connections);
    return new UserChannelsAudience(this.#ports, this.#users, { ...this.#filter, except });
  }

  platforms(...platforms: string[]): UsersAudience<Events> {
    checkedIds("platforms", platforms);
    return new UserChannelsAudience(this.#ports, this.#users, { ...this.#filter, platforms });
  }

  send(message: Outgoing<Events>, options: PublishOptions = {}): Promise<Receipt[]> {
    const { type, data, from, ephemeral } = message;
    const { key } = options;
    const users = this.#users;
    const problem = problemOf(from, key);
    if (problem !== undefined) return Promise.reject(problem);
    const optionsOf = (index: number): PublishOptions =>
      key === undefined ? options : { ...options, key: applicationKey(key, users[index]) };
    const draft = { type, data, from, ephemeral, ...this.#filter };
    return this.#ports.publisher.publishEach(users.map(userChannel), draft, optionsOf);
  }
}

/** @returns the error of a message's names; undefined when they are valid. Not thrown, because `send` rejects. */
function problemOf(from: string | undefined, key: string | undefined): TidingsError | undefined {
  if (from !== undefined && !isId(from)) return idError("from");
  return key === undefined || isId(key) ? undefined : idError("key");
}

/** @throws TidingsError `bad_request` when the value cannot be an id */
function checkedId(name: string, id: string): string {
  if (!isId(id)) throw idError(name);
  return id;
}

function checkedIds(name: string, ids: readonly string[]): readonly string[] {
  for (const id of ids) checkedId(name, id);
  return ids;
}
