import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Connection } from "../local/local.ts";
import {
  ACTION_RULE,
  acceptedValue,
  type Claims,
  type ClientConnection,
  type HandlerInput,
  type HandlerResult,
  isActionName,
  isSchema,
  Overdue,
  TidingsError,
  within,
} from "../protocol/protocol.ts";

/** A client's request or message, as handlers and middleware see it. */
export interface ActionContext {
  /** `module.action`; `message.send` for every message. */
  readonly action: string;
  readonly user: string;
  readonly connection: ClientConnection;
  /** Claims of the credentials that the client last logged in with. */
  readonly claims: Claims;
  /** True for a visitor who has logged in without credentials. */
  readonly anonymous: boolean;
  /** Place for the application's own data of the connection: that of `connection.data`. */
  readonly data: Record<string, unknown>;
}

/** Context of a request or message. Claims and data are looked up when they are read: most handlers read neither. */
export class RequestContext implements ActionContext {
  readonly action: string;
  readonly connection: Connection;
  /** Data of an edit as JSON text, as the client wrote it. Undefined in every other request. */
  readonly body: string | undefined;

  constructor(action: string, connection: Connection, body?: string) {
    this.action = action;
    this.connection = connection;
    this.body = body;
  }

  get user(): string {
    return this.connection.user;
  }

  get claims(): Claims {
    return this.connection.claims;
  }

  get anonymous(): boolean {
    return this.connection.isAnonymous;
  }

  get data(): Record<string, unknown> {
    return this.connection.data;
  }
}

/** Handles an action. The return value is the reply; a thrown TidingsError is the error reply. */
export type ActionHandler<Input> = (context: ActionContext, input: Input) => unknown;

/** Handles an action that is declared by `defineApi`. */
export type DeclaredHandler<Declared, Name> = (
  context: ActionContext,
  input: HandlerInput<Declared, Name>,
) => HandlerResult<Declared, Name> | Promise<HandlerResult<Declared, Name>>;

/**
 * Wraps every request and every message. It must call `next` at most once: without the call nothing happens. `next`
 * resolves with the handler's result, or with the message's receipt. The value that the middleware returns is the reply.
 */
export type Middleware = (context: ActionContext, next: () => Promise<unknown>) => Promise<unknown>;

interface Action {
  readonly handle: (context: ActionContext, data: unknown) => unknown;
  readonly hasDeadline: boolean;
  readonly isForConfined: boolean;
}

export interface ActionOptions {
  /** False for an action that lasts as long as its client takes to read: nothing of it may hang. @default true */
  readonly hasDeadline?: boolean;
  /** True for an action that confined connections may run. One that the application registers never is. @default false */
  readonly isForConfined?: boolean;
}

/** Finds the handler of `module.action`, validates its input, runs it inside the middleware. */
export class Router {
  /** Timeout of a handler, in milliseconds. */
  readonly timeoutMs: number;
  readonly #actions = new Map<string, Action>();
  readonly #middleware: Middleware[] = [];
  readonly #overdue: Overdue;
  readonly #isConfined: (connection: ClientConnection) => boolean;
  /** Called with work that goes on after its timeout. */
  onOverdue: ((context: ActionContext, work: Promise<unknown>) => void) | undefined;

  /**
   * @param timeoutMs timeout of a handler
   * @param maxOverdue handlers that may go on after their timeout, before further calls of theirs are refused
   * @param isConfined true for a connection for which nothing of the application runs: neither its actions nor its middleware. @default none
   */
  constructor(
    timeoutMs: number,
    maxOverdue = 1_000,
    isConfined: (connection: ClientConnection) => boolean = () => false,
  ) {
    this.timeoutMs = timeoutMs;
    this.#overdue = new Overdue(maxOverdue);
    this.#isConfined = isConfined;
  }

  /**
   * Registers a handler. It replaces an earlier handler of this name, even a built-in action.
   * @param schema Standard Schema (zod, valibot, arktype, …) of the input
   * @throws TidingsError `bad_request` for a name that is not `module.action`, or without a schema
   */
  action<Schema extends StandardSchemaV1>(
    name: string,
    schema: Schema,
    handler: ActionHandler<StandardSchemaV1.InferOutput<Schema>>,
    options?: ActionOptions,
  ): void;
  /** Registers a handler that gets the data as it came. */
  action(name: string, handler: ActionHandler<unknown>): void;
  action(
    name: string,
    ...given: [StandardSchemaV1, ActionHandler<never>, ActionOptions?] | [ActionHandler<never>]
  ): void {
    const [schema, handler, options] = given.length === 1 ? [ANY_DATA, given[0]] : given;
    // The input of a handler is the output of its schema.
    this.#register(name, schema, handler as ActionHandler<unknown>, options);
  }

  #register(
    name: string,
    schema: StandardSchemaV1,
    handler: ActionHandler<unknown>,
    { hasDeadline = true, isForConfined = false }: ActionOptions = {},
  ): void {
    if (!isActionName(name)) {
      throw new TidingsError("bad_request", `action ${JSON.stringify(name)}: expected ${ACTION_RULE}`);
    }
    // JavaScript callers may omit the schema: fail here, not at the first request.
    if (!isSchema(schema)) {
      throw new TidingsError("bad_request", `action ${name}: expected a Standard Schema for its input`);
    }
    if (typeof handler !== "function") {
      throw new TidingsError("bad_request", `action ${name}: expected a handler, got ${typeof handler}`);
    }
    const handle = (context: ActionContext, data: unknown): unknown => {
      const result = schema["~standard"].validate(data);
      if (result instanceof Promise)
        return result.then((checked) => handler(context, acceptedValue(checked)));
      return handler(context, acceptedValue(result));
    };
    this.#actions.set(name, { handle, hasDeadline, isForConfined });
  }

  /** Adds a middleware inside the earlier middleware. */
  use(middleware: Middleware): void {
    this.#middleware.push(middleware);
  }

  /** True for an action that is registered. */
  has(name: string): boolean {
    return this.#actions.has(name);
  }

  /**
   * Runs an action. A handler that answers synchronously costs no promise and no timer.
   * @throws TidingsError `unknown_action`, `forbidden` for a confined connection, `bad_request` (by the schema), `timeout`,
   * `unavailable` while too many earlier calls of the handler hang, or what the handler threw
   */
  async run(context: ActionContext, data: unknown): Promise<unknown> {
    const action = this.#actions.get(context.action);
    const isConfined = this.#isConfined(context.connection);
    if (isConfined && action?.isForConfined !== true) {
      throw new TidingsError("forbidden", `${context.user} may not run ${context.action}`);
    }
    if (action === undefined) {
      throw new TidingsError("unknown_action", `no action is called ${JSON.stringify(context.action)}`);
    }
    this.#overdue.assertRoom(context.action);
    const handle = (): unknown => action.handle(context, data);
    const reply = isConfined ? handle() : this.#through(0, context, handle);
    return reply instanceof Promise && action.hasDeadline ? this.within(context, () => reply) : reply;
  }

  /** Runs work for a request or message within the timeout. Work that goes on after it is counted. */
  within<Result>(context: ActionContext, work: () => Promise<Result>): Promise<Result> {
    return within(this.timeoutMs, context.action, work, (name, overdue) => {
      this.#overdue.add(name, overdue);
      this.onOverdue?.(context, overdue);
    });
  }

  /** True when messages of a connection pass through middleware. */
  wraps(connection: ClientConnection): boolean {
    return this.#middleware.length > 0 && !this.#isConfined(connection);
  }

  /** Runs something that is no registered action inside the middleware. */
  wrap(context: ActionContext, run: () => unknown): unknown {
    return this.#through(0, context, run);
  }

  #through(index: number, context: ActionContext, action: () => unknown): unknown {
    const middleware = this.#middleware[index];
    if (middleware === undefined) return action();
    return middleware(context, async () => this.#through(index + 1, context, action));
  }
}

/** Schema of actions that take any data. */
const ANY_DATA: StandardSchemaV1 = {
  "~standard": { version: 1, vendor: "tidings", validate: (value) => ({ value }) },
};
