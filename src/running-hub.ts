import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import {
  type ActionHandler,
  type Authorize,
  type Declaration,
  type DeclaredHandler,
  declaredAction,
  type Middleware,
  type Policy,
  type Router,
} from "./actions/actions.ts";
import type {
  Audience,
  GroupAudience,
  Operation,
  Outgoing,
  SendOptions,
  UserAudience,
  UsersAudience,
} from "./audience.ts";
import type { Backplane, NodeStatus, PresenceView, Questions } from "./backplane/backplane.ts";
import {
  ChannelAudience,
  GroupChannelAudience,
  readerFor,
  readHistory,
  UserChannelAudience,
  UserChannelsAudience,
} from "./channel-audience.ts";
import type { Config, ConfigInput } from "./config/config.ts";
import {
  ANSWER_HEADERS,
  type Authenticator,
  type Callers,
  type ClusterView,
  clusterView,
  type Endpoint,
  type Endpoints,
  type Listening,
  type ListenTarget,
  type MintClaims,
  mintToken,
  type Neighbours,
  type OperationResult,
  type Pipelines,
  REQUEST_ID,
  runBatch,
  type Served,
} from "./gateway/gateway.ts";
import type { RunningLimits } from "./guards.ts";
import type { AttachedServer, ChangeOptions, Hub } from "./hub.ts";
import type { Lifecycle } from "./lifecycle.ts";
import {
  type ActionName,
  type ApiDeclaration,
  defineApi,
  type HistoryPage,
  idError,
  isId,
  parseChannel,
  TidingsError,
  type UndeclaredName,
} from "./protocol/protocol.ts";
import type {
  HistoryQuery,
  HistoryReads,
  HookName,
  Hooks,
  Listener,
  MessageName,
  Publisher,
  Receipt,
} from "./publish/publish.ts";
import type { Explanation, Why, WhyQuery } from "./why/why.ts";

/** The wired parts behind the calls of a hub. */
export interface HubParts {
  readonly config: Config;
  readonly node: string;
  readonly development: boolean;
  readonly neighbours: Neighbours;
  readonly callers: Callers;
  readonly hooks: Hooks;
  readonly backplane: Backplane;
  readonly questions: Questions;
  /** The policy in force; `Hub.authorize` replaces it while the hub runs. */
  readonly policy: Policy;
  readonly authenticator: Authenticator;
  readonly publisher: Publisher;
  readonly reads: HistoryReads;
  readonly router: Router;
  /** Declaration of the messages and requests that the hub takes. Undefined: any. */
  readonly declared: Declaration | undefined;
  readonly endpoints: Endpoints;
  readonly respond: Served["respond"];
  readonly pipelines: Pipelines;
  readonly limitSettings: RunningLimits;
  readonly lifecycle: Lifecycle;
  readonly why: Why;
}

/** The one implementation of {@link Hub}: passes each call on to the part that does it. */
export class RunningHub<Declared extends object> implements Hub<Declared> {
  readonly #parts: HubParts;
  readonly #listener: RequestListener;
  readonly #presence: PresenceView;
  readonly cluster: ClusterView;

  constructor(parts: HubParts) {
    this.#parts = parts;
    this.#presence = checkedPresence(parts.backplane.presence);
    this.cluster = clusterView({ ...parts, presence: this.#presence });
    this.#listener = getRequestListener(
      (request, env) => this.fetch(request, env.incoming.socket.remoteAddress),
      // Health checks in HTTP/1.0 may have no Host (RFC 9112 section 3.2 requires it of HTTP/1.1 only).
      { overrideGlobalObjects: false, hostname: "localhost" },
    );
  }

  get ready(): Promise<void> {
    return this.#parts.lifecycle.ready;
  }

  get config(): Config {
    return this.#parts.config;
  }

  get node(): string {
    return this.#parts.node;
  }

  get development(): boolean {
    return this.#parts.development;
  }

  get presence(): PresenceView {
    return this.#presence;
  }

  action<Name extends ActionName<Declared>>(name: Name, handler: DeclaredHandler<Declared, Name>): this;
  action<Schema extends StandardSchemaV1>(
    name: UndeclaredName<Declared>,
    schema: Schema,
    handler: ActionHandler<StandardSchemaV1.InferOutput<Schema>>,
  ): this;
  action(name: UndeclaredName<Declared>, handler: ActionHandler<unknown>): this;
  action(name: string, ...given: [StandardSchemaV1, ActionHandler<never>] | [ActionHandler<never>]): this {
    const { router, declared } = this.#parts;
    // The types of the overloads are those of the router.
    if (declared !== undefined) declaredAction(router, declared, name, ...given);
    else if (given.length === 1) router.action(name, given[0] as ActionHandler<unknown>);
    else router.action(name, given[0], given[1] as ActionHandler<unknown>);
    return this;
  }

  extend(api: ApiDeclaration): this {
    this.#parts.declared?.extend(defineApi(api)); // it checks the value
    return this;
  }

  endpoint<Schema extends StandardSchemaV1>(endpoint: Endpoint<Schema>): this {
    this.#parts.endpoints.add(endpoint);
    return this;
  }

  use(middleware: Middleware): this {
    this.#parts.router.use(middleware);
    return this;
  }

  on<Name extends HookName>(name: Name, listener: Listener<Name>): () => void {
    return this.#parts.hooks.on(name, listener);
  }

  once<Name extends HookName>(name: Name, listener: Listener<Name>): () => void {
    const remove = this.on(name, (event) => {
      remove();
      return listener(event);
    });
    return remove;
  }

  authorize(policy: Authorize): this {
    this.#parts.policy.authorize = policy;
    return this;
  }

  updateConfig({ limits, ...others }: Pick<ConfigInput, "limits">): void {
    const fixed = Object.keys(others);
    if (fixed.length > 0)
      throw new TidingsError(
        "bad_request",
        `${fixed.join(", ")}: cannot change while the hub runs, only limits can`,
      );
    this.#parts.limitSettings.configure(limits);
  }

  user(user: string): UserAudience<Declared> {
    return new UserChannelAudience(this.#parts, user);
  }

  users(users: readonly string[]): UsersAudience<Declared> {
    return new UserChannelsAudience(this.#parts, users);
  }

  group(group: string): GroupAudience<Declared> {
    return new GroupChannelAudience(this.#parts, group);
  }

  get everyone(): Audience<Declared> {
    return new ChannelAudience(this.#parts, "all");
  }

  broadcast(message: Outgoing<Declared>, options?: SendOptions): Promise<Receipt> {
    return this.everyone.send(message, options);
  }

  async history(channel: string, query?: HistoryQuery): Promise<HistoryPage<Declared>> {
    return readHistory(this.#parts.reads, parseChannel(channel), query);
  }

  async edit(
    channel: string,
    { data, from, reader, ...name }: MessageName & ChangeOptions & { readonly data: unknown },
  ): Promise<Receipt> {
    const { edits } = this.#parts.publisher;
    assertEditor(from);
    const message = await edits.find(readerFor(reader), parseChannel(channel), name);
    return edits.edit(message, { data }, { from });
  }

  async delete(
    channel: string,
    { from, reader, author, ...name }: MessageName & ChangeOptions & { readonly author?: string },
  ): Promise<Receipt> {
    const { edits } = this.#parts.publisher;
    assertEditor(from);
    const message = await edits.findToDelete(readerFor(reader), parseChannel(channel), name);
    if (author !== undefined && message.from !== author)
      throw new TidingsError(
        "forbidden",
        `author: ${author} has not sent the message at offset ${name.offset}`,
      );
    return edits.delete(message, { from });
  }

  batch(operations: readonly Operation<Declared>[]): Promise<OperationResult[]> {
    return runBatch(this.#parts, operations);
  }

  token(claims: MintClaims): Promise<string> {
    return mintToken(this.#parts.authenticator, claims);
  }

  why(query: WhyQuery): Promise<Explanation> {
    return this.#parts.why.explain(query);
  }

  nodes(): Promise<NodeStatus[]> {
    return this.#parts.backplane.cluster.nodes();
  }

  readonly fetch = async (request: Request, address?: string): Promise<Response> => {
    this.#parts.lifecycle.warn();
    // Frameworks that call it by themselves pass objects of their own here.
    return this.#parts.respond(request, typeof address === "string" ? address : undefined);
  };

  readonly handler = (request: IncomingMessage, response: ServerResponse): void => {
    const { neighbours, callers } = this.#parts;
    const isForeign = this.development && !neighbours.has(callers.callerOf(request));
    const headers = () => ({ ...ANSWER_HEADERS, [REQUEST_ID]: callers.requestIdOf(request) });
    if (isForeign)
      response
        .writeHead(403, headers())
        .end("development mode serves this machine only: set jwt.secret (JWT_SECRET)\n");
    else if (isConsumed(request)) refuseConsumed(response, headers());
    else {
      if (waitsForEnd(request)) response.once("finish", () => request.socket.end());
      this.#parts.pipelines.take(request, response, this.#listener);
    }
  };

  attach(server: AttachedServer): this {
    // Servers of HTTP/2 with TLS emit what those of node:http do, for clients of HTTP/1.1. The gateway refuses others.
    this.#parts.lifecycle.attach(server as Server);
    return this;
  }

  listen(where: ListenTarget = {}): Promise<Listening> {
    return this.#parts.lifecycle.listen(this.handler, where);
  }

  close(): Promise<void> {
    return this.#parts.lifecycle.close();
  }
}

/** True for a client in HTTP/1.0. A header Connection of the response, of 426 for instance, makes Node keep its socket. */
const waitsForEnd = ({ httpVersion, headers }: IncomingMessage): boolean =>
  httpVersion < "1.1" && !/keep-alive/i.test(headers.connection ?? "");

/** True when something in front of the hub, such as `express.json()`, has read the body of a request. */
const isConsumed = ({ readableDidRead, readableEnded, headers }: IncomingMessage): boolean =>
  readableDidRead &&
  readableEnded &&
  (Number(headers["content-length"]) > 0 || "transfer-encoding" in headers);

function refuseConsumed(response: ServerResponse, others: Readonly<Record<string, string>>): void {
  const message =
    "the body of the request was read before the hub got it: write app.use(hub.handler) before app.use(express.json())";
  const headers = { ...others, "content-type": "application/json" };
  response.writeHead(500, headers).end(JSON.stringify({ error: { code: "internal", message } }));
}

/** Presence as the application sees it: with checked ids, and without the calls of the hub itself. */
const checkedPresence = (presence: PresenceView): PresenceView => ({
  async connectionsOf(user) {
    if (!isId(user)) throw idError("user");
    return presence.connectionsOf(user);
  },
  async isOnline(user) {
    if (!isId(user)) throw idError("user");
    return presence.isOnline(user);
  },
  async hasJoined(group, user) {
    if (!isId(group)) throw idError("group");
    if (!isId(user)) throw idError("user");
    return presence.hasJoined(group, user);
  },
  online: (page) => presence.online(page),
  count: () => presence.count(),
  blocked: (page) => presence.blocked(page),
  async inGroup(group) {
    if (!isId(group)) throw idError("group");
    return presence.inGroup(group);
  },
});

/** @throws TidingsError `bad_request` for a user that cannot be one */
function assertEditor(from: string | undefined): void {
  if (from !== undefined && !isId(from)) throw idError("from");
}
