import type { Backplane } from "../../backplane/backplane.ts";
import { type Connection, type Local, LoginState } from "../../local/local.ts";
import {
  type Channel,
  type Claims,
  type Grants,
  Overdue,
  TidingsError,
  userChannel,
  type Verb,
  within,
} from "../../protocol/protocol.ts";
import { defaultPolicy } from "./default.ts";
import { neededFor } from "./needed.ts";
import type { Authorize, PolicyRequest, PolicySettings } from "./request.ts";

export interface PolicyPorts {
  readonly settings: PolicySettings;
  /** True: a refusal names the setting that would allow the request, beside the grant. */
  readonly development: boolean;
  /** How long the application's policy may take. */
  readonly timeoutMs: number;
  readonly local: Local;
  readonly backplane: Pick<Backplane, "memberships" | "presence">;
  /** The application's policy. @default {@link defaultPolicy} */
  readonly authorize?: Authorize | undefined;
  /** True for a connection that may do nothing of what the policy decides about. @default none */
  readonly isConfined?: ((connection: Connection) => boolean) | undefined;
  /** The flight recorder: it gets what the policy refused. @default none */
  readonly recorder?: { denied(connection: Connection, verb: Verb, channel: Channel): void } | undefined;
}

/** Questions to the policy that may hang at a time, before further ones are refused at once. */
const MAX_OVERDUE = 1_000;

const WORDS: Record<Verb, string> = {
  join: "join",
  send: "publish to",
  edit: "edit messages in",
  history: "read the history of",
  presence: "see the presence of",
};

/** Asks the policy in force about what clients want to do. */
export class Policy {
  /** The policy in force; `Hub.authorize` replaces it while the hub runs. */
  authorize: Authorize;
  readonly #ports: PolicyPorts;
  readonly #overdue = new Overdue(MAX_OVERDUE);
  #shared: Question | undefined;

  constructor(ports: PolicyPorts) {
    this.#ports = ports;
    this.authorize = ports.authorize ?? defaultPolicy;
  }

  /**
   * Asks whether a connection may do something with a channel. A confined one never may, whatever the policy would say.
   * @throws TidingsError `timeout` when the application's policy takes too long, or what it throws
   */
  allows(connection: Connection, verb: Verb, channel: Channel): boolean | Promise<boolean> {
    if (this.#isConfined(connection)) return false;
    this.#overdue.assertRoom("the policy");
    const answer = this.authorize(this.#question(connection, verb, channel));
    if (!(answer instanceof Promise)) return answer === true;
    return within(this.#ports.timeoutMs, "the policy", () => answer, this.#overdue.add);
  }

  /**
   * Asks whether a connection may resume a channel from any position: its user may read the history, or gets everything of the channel on each new
   * device, as of the own channel and of durable groups.
   */
  mayResume(connection: Connection, channel: Channel): boolean | Promise<boolean> {
    if (channel === userChannel(connection.user)) return true;
    const asked = attempt(() => this.allows(connection, "history", channel));
    return asked === true || this.#isDurableOrAllowed(asked, connection, channel);
  }

  /** A durable member does not depend on a policy, which may hang or fail. */
  async #isDurableOrAllowed(
    asked: boolean | Promise<boolean>,
    { user }: Connection,
    channel: Channel,
  ): Promise<boolean> {
    const allowed = Promise.resolve(asked);
    allowed.catch(() => undefined); // it may fail before it is awaited
    const { memberships } = this.#ports.backplane;
    if (channel.startsWith(GROUP) && (await memberships.has(channel.slice(GROUP.length), user))) return true;
    return (await allowed) === true;
  }

  /** @throws TidingsError `forbidden` when the policy denies the operation */
  async assert(connection: Connection, verb: Verb, channel: Channel): Promise<void> {
    const answer = this.allows(connection, verb, channel);
    if (answer === true || (await answer) === true) return;
    throw new TidingsError("forbidden", this.deny(connection, verb, channel));
  }

  /** Records that an operation is denied, and says so as {@link refusal} does. */
  deny(connection: Connection, verb: Verb, channel: Channel): string {
    this.#ports.recorder?.denied(connection, verb, channel);
    return this.refusal(connection, verb, channel);
  }

  /** Says what was denied, and which grant is missing. A policy of the application keeps its reasons, and no grant helps a confined connection. */
  refusal(connection: Connection, verb: Verb, channel: Channel): string {
    const denied = `${connection.user} may not ${WORDS[verb]} ${channel}`;
    const isOwn = this.authorize !== defaultPolicy && this.authorize.hints?.(channel) !== true;
    if (isOwn || this.#isConfined(connection)) return denied;
    return `${denied} (${neededFor(this.#question(connection, verb, channel), this.#ports.development)})`;
  }

  #isConfined(connection: Connection): boolean {
    return this.#ports.isConfined?.(connection) === true;
  }

  /** The default policy keeps no question, so all of them are one object: a message costs no other. */
  #question(connection: Connection, verb: Verb, channel: Channel): PolicyRequest {
    if (this.authorize !== defaultPolicy) return new Question(this.#ports, connection, verb, channel);
    this.#shared ??= new Question(this.#ports, connection, verb, channel);
    this.#shared.connection = connection;
    this.#shared.verb = verb;
    this.#shared.channel = channel;
    return this.#shared;
  }
}

/** A question to the policy. Its answers hold for the fields of the moment in which it is asked. */
class Question implements PolicyRequest {
  connection: Connection;
  verb: Verb;
  channel: Channel;
  readonly #ports: PolicyPorts;

  constructor(ports: PolicyPorts, connection: Connection, verb: Verb, channel: Channel) {
    this.#ports = ports;
    this.connection = connection;
    this.verb = verb;
    this.channel = channel;
  }

  get user(): string {
    return this.connection.user;
  }

  get platform(): string {
    return this.connection.platform;
  }

  get claims(): Claims {
    return this.connection.claims;
  }

  get can(): Grants {
    return this.connection.attachment(LoginState)?.can ?? NO_GRANTS;
  }

  get anonymous(): boolean {
    return this.connection.isAnonymous;
  }

  get settings(): PolicySettings {
    return this.#ports.settings;
  }

  isMember(): boolean | Promise<boolean> {
    const { local } = this.#ports;
    const group = this.#group;
    if (group === undefined) return false;
    return local.hasMember(group, this.user) || this.#isMemberElsewhere(group, this.user);
  }

  async isDurableMember(): Promise<boolean> {
    const group = this.#group;
    return group !== undefined && this.#ports.backplane.memberships.has(group, this.user);
  }

  get #group(): string | undefined {
    return this.channel.startsWith(GROUP) ? this.channel.slice(GROUP.length) : undefined;
  }

  async #isMemberElsewhere(group: string, user: string): Promise<boolean> {
    const { memberships, presence } = this.#ports.backplane;
    return (await memberships.has(group, user)) || presence.hasJoined(group, user);
  }
}

/** Turns an error into a rejection. */
function attempt<Result>(ask: () => Result | Promise<Result>): Result | Promise<Result> {
  try {
    return ask();
  } catch (error) {
    return Promise.reject(error);
  }
}

const GROUP = "group:";
const NO_GRANTS: Grants = Object.freeze({});
