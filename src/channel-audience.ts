import type {
  Audience,
  GroupAudience,
  KickOptions,
  KickResult,
  Outgoing,
  RewindOptions,
  SendOptions,
  UserAudience,
  UsersAudience,
} from "./audience.ts";
import type { Backplane } from "./backplane/backplane.ts";
import type { Rewind } from "./local/local.ts";
import {
  addMember,
  blockUser,
  type ConnectionName,
  countMembers,
  type GroupCount,
  groupMembers,
  type MembersPage,
  type MembersQuery,
  memberData,
  moveConnection,
  removeMember,
} from "./members/members.ts";
import {
  type Channel,
  type ConnectionInfo,
  encodeJson,
  groupChannel,
  type HistoryPage,
  idError,
  isId,
  TidingsError,
  userChannel,
} from "./protocol/protocol.ts";
import {
  APPLICATION,
  applicationKey,
  type HistoryQuery,
  type HistoryReads,
  historyPage,
  type Publisher,
  type PublishOptions,
  type Receipt,
  UserReader,
} from "./publish/publish.ts";

export interface AudiencePorts {
  readonly publisher: Publisher;
  readonly backplane: Backplane;
  readonly reads: HistoryReads;
}

/** Connections of an audience that get a message. */
interface Filter {
  readonly platforms?: readonly string[];
  readonly except?: readonly string[];
}

const NO_FILTER: Filter = {};

export class ChannelAudience<Declared extends object> implements Audience<Declared> {
  readonly #ports: AudiencePorts;
  readonly #channel: Channel;
  readonly #filter: Filter;

  constructor(ports: AudiencePorts, channel: Channel, filter: Filter = NO_FILTER) {
    this.#ports = ports;
    this.#channel = channel;
    this.#filter = filter;
  }

  except(...connections: string[]): Audience<Declared> {
    const except = checkedIds("except", connections);
    return new ChannelAudience(this.#ports, this.#channel, { ...this.#filter, except });
  }

  platforms(...platforms: string[]): Audience<Declared> {
    checkedIds("platforms", platforms);
    return new ChannelAudience(this.#ports, this.#channel, { ...this.#filter, platforms });
  }

  send(message: Outgoing<Declared>, options?: SendOptions): Promise<Receipt> {
    const { type, data, from, ephemeral, ack, key, timeoutMs, count } = message;
    const { platforms, except } = this.#filter;
    const draft = { type, data, from, ephemeral, channel: this.#channel, platforms, except };
    const problem = problemOf(from, key) ?? options?.signal?.reason;
    if (problem !== undefined) return Promise.reject(problem);
    // Most messages have none of these, and need no object for them.
    if (options === undefined && !ack && !count && key === undefined)
      return this.#ports.publisher.publish(draft);
    const given = { ack, timeoutMs, count, key: applicationKey(key), retry: options?.retry };
    return until(options?.signal, this.#ports.publisher.publish(draft, given));
  }

  history(query?: HistoryQuery): Promise<HistoryPage<Declared>> {
    return readHistory(this.#ports.reads, this.#channel, query);
  }
}

export class UserChannelAudience<Declared extends object>
  extends ChannelAudience<Declared>
  implements UserAudience<Declared>
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
    encodeJson(notice, "notice"); // it throws for what cannot be sent
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
    encodeJson(options?.notice, "notice");
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

export class GroupChannelAudience<Declared extends object>
  extends ChannelAudience<Declared>
  implements GroupAudience<Declared>
{
  readonly #group: string;
  readonly #backplane: Backplane;

  constructor(ports: AudiencePorts, group: string) {
    super(ports, groupChannel(checkedId("group", group)));
    this.#group = group;
    this.#backplane = ports.backplane;
  }

  members(page?: MembersQuery): Promise<MembersPage> {
    return groupMembers(this.#backplane, this.#group, page);
  }

  count(): Promise<GroupCount> {
    return countMembers(this.#backplane, this.#group);
  }

  async setData(user: string, data: unknown): Promise<boolean> {
    return this.#backplane.rooms.setData(this.#group, checkedId("user", user), memberData(data));
  }

  async add(user: string, rewind?: RewindOptions): Promise<void> {
    await addMember(this.#backplane, this.#group, checkedId("user", user), rewind && rewindOf(rewind));
  }

  async remove(user: string): Promise<void> {
    await removeMember(this.#backplane, this.#group, checkedId("user", user));
  }

  join(connection: ConnectionName, rewind?: RewindOptions): Promise<boolean> {
    return this.#move("join", connection, rewind);
  }

  leave(connection: ConnectionName): Promise<boolean> {
    return this.#move("leave", connection);
  }

  async #move(
    kind: "join" | "leave",
    { user, id }: ConnectionName,
    rewind?: RewindOptions,
  ): Promise<boolean> {
    const name = { user: checkedId("user", user), id: checkedId("connection", id) };
    const start = rewind && rewindOf(rewind);
    const { connections, unconfirmed } = await moveConnection(
      this.#backplane,
      kind,
      this.#group,
      name,
      start,
    );
    if (connections > 0 || unconfirmed === 0) return connections > 0;
    throw new TidingsError("unavailable", "the node of the connection does not answer");
  }
}

export class UserChannelsAudience<Declared extends object> implements UsersAudience<Declared> {
  readonly #ports: AudiencePorts;
  readonly #users: readonly string[];
  readonly #filter: Filter;

  constructor(ports: AudiencePorts, users: readonly string[], filter: Filter = NO_FILTER) {
    checkedIds("user", users);
    this.#ports = ports;
    this.#users = users;
    this.#filter = filter;
  }

  except(...connections: string[]): UsersAudience<Declared> {
    const except = checkedIds("except", connections);
    return new UserChannelsAudience(this.#ports, this.#users, { ...this.#filter, except });
  }

  platforms(...platforms: string[]): UsersAudience<Declared> {
    checkedIds("platforms", platforms);
    return new UserChannelsAudience(this.#ports, this.#users, { ...this.#filter, platforms });
  }

  send(message: Outgoing<Declared>, options?: SendOptions): Promise<readonly Receipt[]> {
    const { type, data, from, ephemeral, ack, key, timeoutMs, count } = message;
    const users = this.#users;
    const problem = problemOf(from, key) ?? options?.signal?.reason;
    if (problem !== undefined) return Promise.reject(problem);
    const given: PublishOptions = { ack, timeoutMs, count, retry: options?.retry };
    const optionsOf = (index: number): PublishOptions =>
      key === undefined ? given : { ...given, key: applicationKey(key, users[index]) };
    const draft = { type, data, from, ephemeral, ...this.#filter };
    const sent = this.#ports.publisher.publishEach(users.map(userChannel), draft, optionsOf);
    return until(options?.signal, sent);
  }
}

/** Reads a page of a history. The casts of its data are the application's declaration of its events. */
export async function readHistory<Declared extends object>(
  reads: HistoryReads,
  channel: Channel,
  query?: HistoryQuery,
): Promise<HistoryPage<Declared>> {
  return (await historyPage(reads, readerFor(query?.reader), channel, query)) as HistoryPage<Declared>;
}

/** The reader of what the application reads, for a user or for itself. @throws TidingsError `bad_request` for no id */
export function readerFor(user: string | undefined): UserReader | typeof APPLICATION {
  if (user === undefined) return APPLICATION;
  if (!isId(user)) throw idError("reader");
  return new UserReader(user);
}

/** Resolves as the promise does, or rejects with the signal's reason when that comes first. */
function until<Value>(signal: AbortSignal | undefined, promise: Promise<Value>): Promise<Value> {
  if (signal === undefined) return promise;
  const { promise: result, resolve, reject } = Promise.withResolvers<Value>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  return result;
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

function rewindOf({ last, since }: RewindOptions): Rewind {
  const ms = since === undefined ? undefined : Number(since);
  if (last !== undefined && !(Number.isSafeInteger(last) && last > 0))
    throw new TidingsError("bad_request", "last: expected a whole number from 1");
  if (ms !== undefined && !(Number.isSafeInteger(ms) && ms >= 0))
    throw new TidingsError("bad_request", "since: expected milliseconds since 1970, or a date");
  return { last, since: ms };
}

function checkedIds(name: string, ids: readonly string[]): readonly string[] {
  for (const id of ids) checkedId(name, id);
  return ids;
}
