import {
  type Channel,
  type Client,
  type Position,
  type Positions,
  TidingsError,
  type WatchQuery,
  type Welcome,
} from "../../client/client.ts";
import { groupChannel } from "../../protocol/protocol.ts";
import { frameOf, missedFrames, PAGE } from "./missed.ts";
import type { Registry } from "./registry.ts";
import type { Input, Joining, TabFrame } from "./tab-frame.ts";

/** Parts that the tabs of a host share. */
export interface Shared {
  /** Lock that the tab holds. */
  readonly lock: string;
  /** Groups that the tab's application had joined when it connected, and has not left since. */
  readonly joined: Set<string>;
  /** The client, while it is logged in. */
  client(): Client | undefined;
  write(socket: string, text: string): void;
  /** Called with a login that waits for the client. */
  wanted(): void;
  /** Called when messages of a channel are handled up to an offset. */
  acked(channel: Channel, offset: number): void;
  /** Tabs that have joined a group, or watch it. */
  readonly members: Registry<Tab>;
  readonly watchers: Registry<Tab>;
  /** What the user carries in each group: the tab that joins last does not clear it. */
  readonly groupData: Map<string, unknown>;
}

/** Name of everyone in a watch: ids have no control characters. */
const EVERYONE = "\0";

/** Requests that last as long as the tab waits. */
const ENDLESS = { timeoutMs: Number.POSITIVE_INFINITY };

/** More skipped offsets than this are a gap, which the tab asks for. */
const MOST_SKIPPED = 100;

/** Pauses before further attempts to join a group, in milliseconds. Each is twice the one before. */
const FIRST_REJOIN_MS = 1_000;
const LAST_REJOIN_MS = 16_000;

interface Told extends Position {
  /** The tab has named this position, and does not know yet whether the host continues there. */
  readonly isNamed?: boolean;
}

/** One tab, to which the host speaks as a server does: login, recovery from the tab's own positions, groups, replies. */
export class Tab {
  readonly #socket: string;
  readonly #shared: Shared;
  /** The login that waits for the client. */
  #login: { readonly id: number; readonly resume: Positions } | undefined;
  #isOnline = false;
  /** Where the tab is told to be in each channel. */
  readonly #told = new Map<Channel, Told>();
  readonly #rejoins = new Set<ReturnType<typeof setTimeout>>();
  #watches: { readonly users: Set<string>; readonly stop: () => void }[] = [];

  constructor(socket: string, shared: Shared) {
    this.#socket = socket;
    this.#shared = shared;
  }

  get lock(): string {
    return this.#shared.lock;
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  /** Takes a frame of the tab's SDK. */
  receive(text: string): void {
    const frame = JSON.parse(text) as TabFrame; // the SDK has written it
    const { id = 0, action, data } = frame;
    if (frame.type === "ping") this.#write({ type: "pong" });
    else if (action === "robot.login") {
      this.#login = { id, resume: data?.resume ?? {} };
      this.#shared.wanted();
    } else
      this.#answer(frame).then(
        (reply) => this.#write({ id, data: reply ?? null }),
        ({ code, message, retryAfterMs }: TidingsError) =>
          this.#write({ id, error: { code, message, retryAfterMs } }),
      );
  }

  /** Completes the login, once the client has logged in. */
  welcome({ expiresAt: _, ...welcome }: Welcome, positions: Positions): void {
    const login = this.#login;
    if (!login) return;
    this.#login = undefined;
    this.#isOnline = true;
    this.#write(welcome);
    const channels = new Set([...Object.keys(positions), ...Object.keys(login.resume)] as Channel[]);
    for (const channel of channels) {
      const named = login.resume[channel];
      const group = channel.startsWith("group:") ? channel.slice("group:".length) : undefined;
      if (named && group !== undefined && this.#shared.joined.has(group))
        void this.#rejoin({ group, position: named });
      // A login names the groups of durable memberships, too, which no tab has joined.
      else if (group === undefined || (named && this.hears(channel))) this.#continue(channel, named);
    }
    this.#write({ id: login.id, data: { user: welcome.user } });
  }

  /** Tells whether the tab gets the messages of a channel: a durable member, without a join, has the tabs of nobody. */
  hears(channel: Channel): boolean {
    const members = this.#shared.members.of(channel);
    return this.#isOnline && (!members || members.has(this));
  }

  /**
   * Prepares the tab for a message, so that it comes next there.
   * @param epoch undefined while the client does not know it
   * @returns false when the tab has it already
   */
  expects(channel: Channel, offset: number, epoch: string | undefined): boolean {
    if (epoch !== undefined) this.#reach(channel, { epoch, offset: offset - 1 });
    const told = this.#told.get(channel);
    if (told && told.offset >= offset) return false;
    this.#told.set(channel, { epoch: epoch ?? "", offset });
    return true;
  }

  /** Tells the tab where a channel is, when no message has. */
  follow(channel: Channel): void {
    const position = this.#position(channel);
    if (position) this.#reach(channel, position);
  }

  /** Tells the tab that messages up to an offset are lost. */
  lost(channel: Channel, position: Position): void {
    this.#tell(channel, position, { recovered: false });
  }

  /** The client's connection has ended: the tab logs in again. @returns whether it was logged in */
  end(): boolean {
    const wasOnline = this.#isOnline;
    this.#isOnline = false;
    for (const { stop } of this.#watches) stop();
    this.#watches = [];
    for (const timer of this.#rejoins) clearTimeout(timer);
    this.#shared.members.drop(this);
    this.#shared.watchers.drop(this);
    return wasOnline;
  }

  async #answer({ id: _, action, data, ...message }: TabFrame): Promise<unknown> {
    const client = this.#client;
    // A message has no action. Its fields are those of `send`.
    if (!action) return client.send({ ...message, data } as Parameters<Client["send"]>[0]);
    const input = data as Input; // as the SDK makes them
    switch (action) {
      case "group.join":
        return this.#join(input);
      case "group.leave":
        return this.#leave(input.group);
      case "group.watch":
        this.#shared.watchers.add(input.group, this);
        break;
      case "group.unwatch":
        if (!this.#shared.watchers.remove(input.group, this)) return undefined;
        break;
      case "message.ack":
        if (this.#position(input.channel)?.epoch === input.epoch)
          this.#shared.acked(input.channel, input.offset);
        return undefined;
      case "message.resume":
        return this.#recover(input);
      case "presence.watch":
        return this.#watch(input.users ? { users: input.users } : { all: true });
      case "presence.unwatch":
        return this.#unwatch(input.users ?? [EVERYONE]);
    }
    return client.request(action, data, ENDLESS);
  }

  async #join({ group, position, ...options }: Joining): Promise<unknown> {
    const channel = groupChannel(group);
    const { members, groupData } = this.#shared;
    const { data = groupData.get(group), last, since, ...rest } = options;
    const isFirst = !members.of(channel)?.size;
    if (!isFirst && !position && (last || since !== undefined)) await this.#showEarlier(channel, last, since);
    const client = this.#client;
    const wasMember = members.of(channel)?.has(this);
    members.add(channel, this);
    this.#continue(channel, position);
    try {
      // The client joins again for each tab: the server decides, and answers with the position.
      const joined = await client.join(group, { ...rest, data, last, since });
      groupData.set(group, data);
      members.confirm(channel);
      this.follow(channel);
      return joined;
    } catch (error) {
      // A tab that was in the group before is not put out: its data may have been too large.
      if (!wasMember) this.#putOut(channel);
      throw error;
    }
  }

  /** Joins a group that the tab was in before. While a refusal may pass it tries again; then it tells the tab, which is out. */
  async #rejoin(joining: Joining, pauseMs = FIRST_REJOIN_MS): Promise<void> {
    try {
      await this.#join(joining);
    } catch (error) {
      const { code, message, retryable, retryAfterMs = 0 } = error as TidingsError; // calls reject with nothing else
      // The next connection begins anew.
      if (!this.#isOnline) return;
      if (!retryable || pauseMs > LAST_REJOIN_MS) return this.#write({ error: { code, message } });
      const { group } = joining;
      const { joined, members } = this.#shared;
      const again = (): void => {
        // The application may have left the group, or joined it itself.
        if (joined.has(group) && !members.of(groupChannel(group))?.has(this))
          void this.#rejoin(joining, 2 * pauseMs);
      };
      this.#rejoins.add(setTimeout(again, Math.max(pauseMs, retryAfterMs)));
    }
  }

  /** The client was in the group before this tab: what the tab wants from before its join comes from the history. */
  async #showEarlier(channel: Channel, last = PAGE, since?: number | Date): Promise<void> {
    const query = { channel, limit: Math.min(last, PAGE), since: since && Number(since) };
    const { epoch, messages } = await this.#client.history(query);
    const first = messages[0]?.offset;
    if (first === undefined) return;
    const before = { epoch, offset: first - 1 };
    this.#tell(channel, before);
    // The tab asks for all that comes after it.
    this.#told.set(channel, { ...before, isNamed: true });
  }

  /** @returns whether it was the last tab there */
  #putOut(channel: Channel): boolean {
    this.#told.delete(channel);
    return this.#shared.members.remove(channel, this);
  }

  async #leave(group: string): Promise<void> {
    this.#shared.joined.delete(group);
    if (!this.#putOut(groupChannel(group))) return;
    this.#shared.groupData.delete(group);
    await this.#client.leave(group);
  }

  /** Continues a channel from the position that the tab names, if it was told of none. */
  #continue(channel: Channel, named: Position | undefined): void {
    if (named && !this.#told.has(channel)) this.#told.set(channel, { ...named, isNamed: true });
    const told = this.#told.get(channel);
    const position = this.#position(channel);
    if (position && (!told || told.isNamed)) this.#reach(channel, position);
    // The client does not know the channel: its first message shows whether the tab has missed some.
    else if (told && !position) this.#write(frameOf(channel, told));
  }

  /**
   * Tells the tab of a position of the client, behind which the next message is. Offsets between that and what the tab was told are
   * of messages that are not for it; those after a position that the tab has named, it has missed, and asks for.
   */
  #reach(channel: Channel, { epoch, offset }: Position): void {
    const told = this.#told.get(channel);
    if (!told) {
      this.#tell(channel, { epoch, offset });
      // The SDK takes the first position of a channel for a cursor, behind which it may have missed some; the second says that it has not.
      this.#tell(channel, { epoch, offset });
    } else if (told.isNamed) {
      if (told.epoch !== epoch) this.lost(channel, { epoch, offset });
      // The client is behind the tab, which drops what it has seen.
      else if (told.offset >= offset) this.#tell(channel, told);
      else this.#tell(channel, { epoch, offset }, { missed: true });
    } else if (offset - told.offset > MOST_SKIPPED) this.#tell(channel, { epoch, offset }, { missed: true });
    else
      for (let next = told.offset + 1; next <= offset; next++) this.#tell(channel, { epoch, offset: next });
  }

  /** Sends a page of what follows the tab's position, from the history. */
  async #recover({ channel, epoch, offset }: Input): Promise<void> {
    const position = this.#position(channel);
    if (!position) return;
    if (position.epoch !== epoch) return this.lost(channel, position);
    const frames = await missedFrames(this.#client, channel, { epoch, offset }, position.offset);
    if (!frames) this.lost(channel, this.#position(channel) ?? position);
    for (const frame of frames ?? []) this.#write(frame);
  }

  async #watch(query: WatchQuery): Promise<unknown> {
    const { online, stop } = await this.#client.watchPresence(query);
    if (!this.#isOnline) stop();
    this.#watches.push({ users: new Set("users" in query ? query.users : [EVERYONE]), stop });
    return { online };
  }

  /** Ends the watches of users whom this tab no longer names. */
  #unwatch(ended: readonly string[]): undefined {
    this.#watches = this.#watches.filter(({ users, stop }) => {
      for (const user of ended) users.delete(user);
      if (users.size === 0) stop();
      return users.size > 0;
    });
  }

  #tell(channel: Channel, position: Position, how?: { recovered?: boolean; missed?: boolean }): void {
    const { epoch, offset } = position;
    this.#told.set(channel, { epoch, offset });
    this.#write(frameOf(channel, position, how));
  }

  #position(channel: Channel): Position | undefined {
    return this.#shared.client()?.positions[channel];
  }

  /** @throws TidingsError `unavailable` also after the end of this tab, so that nothing is left behind */
  get #client(): Client {
    const client = this.#isOnline ? this.#shared.client() : undefined;
    if (client) return client;
    throw new TidingsError("unavailable", "not connected");
  }

  #write(frame: object): void {
    this.#shared.write(this.#socket, JSON.stringify(frame));
  }
}
