import {
  type AnyMessage,
  type Channel,
  type Client,
  connect,
  type Status,
  type Welcome,
} from "../../client/client.ts";
import { channelOf, groupChannel, targetOf } from "../../protocol/protocol.ts";
import { randomName } from "../browser.ts";
import { type Bus, busNames, type ToHost, type ToTabs } from "../bus.ts";
import type { SavedPositions } from "../store.ts";
import { Handled } from "./handled.ts";
import { Lifetimes } from "./lifetimes.ts";
import type { HostOptions } from "./options.ts";
import { Registry } from "./registry.ts";
import { Sender } from "./sender.ts";
import { FIRST_FINAL, finalCode, frameOfStatus, NO_CLOSE_FRAME } from "./statuses.ts";
import { Tab } from "./tab.ts";
import { Tokens } from "./tokens.ts";

/** Time without tabs after which the connection ends, and a group is left: a tab that reloads comes back. */
const GRACE_MS = 5_000;

/** Pause between two writes of the positions, in milliseconds. */
const SAVE_MS = 250;

/** Holds the one connection of a group of tabs, sends their outbox, and speaks to each tab as a server does. */
export class Host {
  readonly #options: HostOptions;
  readonly #id = randomName();
  readonly #up: Bus<never>;
  readonly #down: Bus<ToTabs>;
  /** By their sockets. */
  readonly #tabs = new Map<string, Tab>();
  readonly #lifetimes: Lifetimes;
  readonly #members = new Registry<Tab>();
  readonly #watchers = new Registry<Tab>();
  readonly #handled = new Handled();
  /** Groups of the saved positions. Nobody is in them until a tab joins, or a message shows a durable membership. */
  #former = new Set<string>();
  /** Channels whose messages before the next one are lost. */
  readonly #lost = new Set<Channel>();
  readonly #tokens = new Tokens((frame) => this.#tell(frame));
  readonly #groupData = new Map<string, unknown>();
  #client: Client | undefined;
  /** Of the present connection. */
  #welcome: Welcome | undefined;
  #saved: SavedPositions = {};
  #sender: Sender | undefined;
  #isReady = false;
  #isStopped = false;
  /** The channels are closed. */
  #isOver = false;
  #saving: ReturnType<typeof setTimeout> | undefined;
  #sweeping: ReturnType<typeof setTimeout> | undefined;

  constructor(options: HostOptions) {
    this.#options = options;
    const names = busNames(options.group);
    this.#up = options.openBus(names.up, (frame: ToHost) => this.#receive(frame));
    this.#down = options.openBus(names.down, () => {});
    this.#lifetimes = new Lifetimes(options.locks, (lock) => {
      for (const [socket, tab] of this.#tabs) if (tab.lock === lock) this.#detach(socket);
    });
    void this.#start();
  }

  /** Ends the connection. Another host may have begun. */
  stop(): void {
    this.#save();
    this.#end();
  }

  async #start(): Promise<void> {
    const { store, repeatWithinMs, sharing } = this.#options;
    this.#saved = (await store?.claim(this.#id).catch(() => undefined)) ?? {};
    if (this.#isStopped) return;
    if (store)
      this.#sender = new Sender({
        store,
        repeatWithinMs,
        client: () => this.#open,
        tell: (frame) => this.#tell(frame),
      });
    this.#isReady = true;
    this.#tell({ kind: "hello", host: this.#id, sharing });
  }

  #receive(frame: ToHost): void {
    // The tabs repeat their attempts when the host says hello.
    if (!this.#isReady) return;
    switch (frame.kind) {
      case "open":
        this.#attach(frame);
        break;
      case "text":
        this.#tabs.get(frame.socket)?.receive(frame.text);
        break;
      case "shut":
        this.#detach(frame.socket);
        break;
      case "wake":
        if (this.#client && this.#client.state !== "closed") this.#client.connect();
        break;
      case "outbox":
        void this.#sender?.flush();
        break;
      case "token":
        this.#tokens.answered(frame);
        break;
      case "forget":
        this.#end();
        this.#options.over();
        break;
    }
  }

  #attach({ socket, lock, joined }: ToHost & { kind: "open" }): void {
    const shared = {
      ...{ lock, joined: new Set(joined) },
      client: () => this.#open,
      write: (to: string, text: string) => this.#write([[to, undefined]], text),
      wanted: () => this.#connect(),
      acked: (channel: Channel, offset: number) => this.#acked(channel, offset),
      members: this.#members,
      watchers: this.#watchers,
      groupData: this.#groupData,
    };
    this.#tabs.set(socket, new Tab(socket, shared));
    const { sharing, store } = this.#options;
    const keeps = store?.isOpen ?? false;
    this.#tell({ kind: "opened", host: this.#id, sharing, sockets: [socket], keeps });
    // A database that did not open in time may do so later.
    if (!keeps) store?.claim(this.#id).catch(() => {});
    this.#lifetimes.await(lock);
    // The page may have written messages while it was about to be frozen.
    void this.#sender?.flush();
  }

  #detach(socket: string): void {
    this.#tabs.get(socket)?.end();
    this.#tabs.delete(socket);
    this.#sweepLater();
  }

  #sweepLater(): void {
    clearTimeout(this.#sweeping);
    this.#sweeping = setTimeout(() => this.#sweep(), GRACE_MS);
  }

  /** Leaves what no tab has joined, and ends the connection when there are no tabs. */
  #sweep(): void {
    if (this.#tabs.size === 0) {
      this.#save();
      this.#drop();
    }
    const client = this.#open;
    // While there is no connection, its tabs have joined nothing.
    if (!client) return void (this.#client && this.#sweepLater());
    for (const channel of this.#members.sweep()) {
      const group = channel.slice(groupChannel("").length);
      this.#handled.restart(groupChannel(group));
      this.#groupData.delete(group);
      client.leave(group).catch(() => {});
    }
    for (const group of this.#watchers.sweep()) client.request("group.unwatch", { group }).catch(() => {});
  }

  /** Starts the client with the first login, so that this tab gets what comes first. */
  #connect(): void {
    const { url, client, asksTabs } = this.#options;
    if (this.#welcome) this.#complete(this.#welcome);
    if (this.#client || this.#isStopped) return;
    const saved = JSON.stringify(this.#saved);
    this.#former = new Set(
      Object.keys(this.#saved.positions ?? {}).filter((each) => each.startsWith("group:")),
    );
    this.#client = connect(url, {
      ...client,
      ...(asksTabs && { token: () => this.#tokens.ask([...this.#tabs.keys()]) }),
      autoAck: false,
      queueLimit: Number.MAX_SAFE_INTEGER,
      // The positions of an application would be joined with their groups. These are joined when a tab joins them.
      storage: { getItem: () => saved, setItem: () => {} },
    });
    this.#client.on("*", (message) => this.#push(message));
    this.#client.onPresence((event) => this.#everywhere({ event: "presence", ...event }));
    this.#client.onStatus((status) => this.#told(status));
  }

  /** The client, while it is logged in. */
  get #open(): Client | undefined {
    return this.#welcome && this.#client;
  }

  #told(status: Status): void {
    switch (status.type) {
      case "open":
        this.#opened(status.welcome);
        break;
      case "closed":
        this.#closed(status);
        break;
      case "lost":
        this.#lost.add(status.channel);
        // The next message says from where on; without one, the position does.
        queueMicrotask(() => this.#tellLost(status.channel));
        break;
      default: {
        const frame = frameOfStatus(status);
        if (frame) this.#everywhere(frame);
      }
    }
  }

  #opened(welcome: Welcome): void {
    const { user } = this.#options;
    if (welcome.user !== user) {
      this.#shut(finalCode("refused"), `logged in as ${welcome.user}, expected ${user}`);
      // The positions of another user are none of this group.
      this.#drop();
      this.#options.over();
      return;
    }
    this.#welcome = welcome;
    this.#complete(welcome);
    void this.#sender?.flush();
    // Its reply comes after the first positions.
    this.#client?.request("robot.ping").then(
      () => this.#save(),
      () => {},
    );
  }

  /** Completes the logins that wait. */
  #complete(welcome: Welcome): void {
    for (const tab of this.#tabs.values()) tab.welcome(welcome, this.#client?.positions ?? {});
  }

  #closed({ code, reason, willRetry, error }: Status & { type: "closed" }): void {
    this.#save();
    this.#welcome = undefined;
    if (willRetry) this.#shut(code < FIRST_FINAL ? code : NO_CLOSE_FRAME, reason);
    else this.#client = undefined;
    if (!error) return;
    this.#shut(finalCode(error.code), reason);
    this.#options.over();
  }

  /** Ends the connections of tabs that are logged in, or of all: the others wait for the next login. */
  #shut(code: number, reason: string, isFinal = code >= FIRST_FINAL): void {
    this.#sweepLater();
    const sockets = [...this.#tabs].filter(([, tab]) => tab.end() || isFinal).map(([socket]) => socket);
    for (const socket of sockets) this.#tabs.delete(socket);
    if (sockets[0]) this.#tell({ kind: "shut", host: this.#id, sockets, code, reason });
  }

  #push(message: AnyMessage<Record<string, unknown>>): void {
    const channel = channelOf(message);
    const { offset } = message;
    const text = JSON.stringify(message);
    const hearing = [...this.#tabs].filter(([, tab]) => tab.hears(channel));
    this.#write(offset === undefined ? hearing : this.#inOrder(channel, offset, hearing), text);
  }

  /** Notes a stored message. @returns the tabs that do not have it, and get it next */
  #inOrder(channel: Channel, offset: number, tabs: readonly [string, Tab][]): readonly [string, Tab][] {
    this.#former.delete(channel);
    this.#tellLost(channel, offset - 1);
    this.#handled.pushed(channel, offset);
    this.#saveLater();
    const epoch = this.#client?.positions[channel]?.epoch;
    return tabs.filter(([, tab]) => tab.expects(channel, offset, epoch));
  }

  #tellLost(channel: Channel, before?: number): void {
    const position = this.#client?.positions[channel];
    if (!position || !this.#lost.delete(channel)) return;
    this.#handled.restart(channel);
    const { epoch, offset } = position;
    for (const tab of this.#tabs.values())
      if (tab.hears(channel)) tab.lost(channel, { epoch, offset: before ?? offset });
  }

  #acked(channel: Channel, offset: number): void {
    if (!this.#handled.acked(channel, offset)) return;
    // Only a member can acknowledge. A tab may, while the client joins its group again: the next acknowledgement says it, too.
    if (!this.#members.of(channel) || this.#members.isConfirmed(channel))
      this.#client?.ack({ ...targetOf(channel), offset });
    this.#saveLater();
  }

  #everywhere(frame: object): void {
    const online = [...this.#tabs].filter(([, tab]) => tab.isOnline);
    this.#write(online, JSON.stringify(frame));
  }

  #write(tabs: readonly [string, unknown][], text: string): void {
    const sockets = tabs.map(([socket]) => socket);
    if (sockets[0]) this.#tell({ kind: "text", host: this.#id, sockets, text });
  }

  /** Replies may come after the end of this host. */
  #tell(frame: ToTabs): void {
    if (!this.#isOver) this.#down.post(frame);
    // A message that is not echoed moves the position of its channel.
    if (frame.kind === "sent") this.#saveLater();
  }

  #saveLater(): void {
    this.#saving ??= setTimeout(() => this.#save(), SAVE_MS);
  }

  /** Tells the tabs, and the next host, how far each channel is. */
  #save(): void {
    clearTimeout(this.#saving);
    this.#saving = undefined;
    if (!this.#client?.user) return;
    for (const channel of Object.keys(this.#client.positions) as Channel[]) {
      if (this.#former.has(channel) && !this.#members.of(channel)) continue;
      for (const tab of this.#tabs.values()) if (tab.hears(channel)) tab.follow(channel);
    }
    this.#saved = this.#handled.positions(this.#client);
    this.#options.store?.save(this.#id, this.#saved).catch(() => {});
  }

  #drop(): void {
    const client = this.#client;
    this.#client = this.#welcome = undefined;
    void client?.close();
  }

  #end(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#lifetimes.stop();
    this.#isReady = false;
    this.#sender?.stop();
    this.#drop();
    this.#shut(NO_CLOSE_FRAME, "ended", true);
    clearTimeout(this.#sweeping);
    clearTimeout(this.#saving);
    this.#isOver = true;
    this.#up.close();
    this.#down.close();
  }
}
