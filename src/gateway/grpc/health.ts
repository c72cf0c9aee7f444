import { setTimeout as sleep } from "node:timers/promises";
import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";

/** Values of `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
const STATUS = { serving: 1, notServing: 2, serviceUnknown: 3 } as const;

/** Watchers at a time. They need no key, and each looks at the readiness again and again. */
const MAX_WATCHERS = 256;

/** Pause between two looks at the readiness, for watchers. */
const LOOK_MS = 1_000;

export interface HealthPorts {
  /** Names of the services. */
  readonly services: readonly string[];
  /** Tells what `/ready` tells. */
  readonly isReady: (context: HandlerContext) => Promise<boolean>;
  /** Aborted when the server closes: it ends the watchers. */
  readonly closing: AbortSignal;
}

/** The standard health service. It serves whatever is known as long as the node is ready for traffic. */
export class Health {
  readonly #services: ReadonlySet<string>;
  readonly #isReady: HealthPorts["isReady"];
  readonly #closing: AbortSignal;
  #watchers = 0;

  constructor({ services, isReady, closing }: HealthPorts) {
    // The empty name is the whole server.
    this.#services = new Set(["", ...services]);
    this.#isReady = isReady;
    this.#closing = closing;
  }

  /** @throws ConnectError `not_found` for an unknown service */
  async check({ output }: DescMethod, request: Message, context: HandlerContext): Promise<Message> {
    const service = serviceIn(request);
    if (!this.#services.has(service)) throw new ConnectError(`unknown service: ${service}`, Code.NotFound);
    return create(output, { status: await this.#statusOf(context) } as Record<string, unknown>);
  }

  /**
   * Tells the status, and each change of it, until the caller ends it or the server closes.
   * @throws ConnectError `unavailable` when there are too many watchers
   */
  async *watch(method: DescMethod, request: Message, context: HandlerContext): AsyncGenerator<Message> {
    if (this.#watchers >= MAX_WATCHERS) {
      throw new ConnectError(`this node has ${MAX_WATCHERS} watchers, and takes no more`, Code.Unavailable);
    }
    this.#watchers++;
    try {
      yield* this.#changes(method, request, context);
    } finally {
      this.#watchers--;
    }
  }

  async *#changes(
    { output }: DescMethod,
    request: Message,
    context: HandlerContext,
  ): AsyncGenerator<Message> {
    const isKnown = this.#services.has(serviceIn(request));
    const ended = AbortSignal.any([context.signal, this.#closing]);
    for (let told: number | undefined; !this.#closing.aborted; await pause(ended)) {
      const status = isKnown ? await this.#statusOf(context) : STATUS.serviceUnknown;
      if (status !== told) yield create(output, { status } as Record<string, unknown>);
      told = status;
      context.signal.throwIfAborted();
    }
  }

  async #statusOf(context: HandlerContext): Promise<number> {
    return (await this.#isReady(context)) ? STATUS.serving : STATUS.notServing;
  }
}

/** Waits until the next look, or until the signal is aborted. */
const pause = (signal: AbortSignal): Promise<void> =>
  sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);

const serviceIn = (request: Message): string => (request as Message & { readonly service: string }).service;
