import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** The calls that a process of the bench answers, by name. Argument and result are JSON. */
export type Calls<Api> = { [Name in keyof Api]: (argument: never) => unknown };

type ArgumentOf<Call> = Call extends (argument: infer Argument) => unknown ? Argument : never;
type ResultOf<Call> = Call extends (argument: never) => infer Result ? Awaited<Result> : never;

type Question = { id: number; name: string; argument: unknown };
type Answer = { id: number } & ({ result: unknown } | { error: string });

/** First message of a child, which answers no call: from here on the child takes calls. */
const READY = 0;

/** Answers the calls of the parent process over the IPC channel, and exits when the parent has ended. */
export function answerCalls<Api extends Calls<Api>>(api: Api): void {
  process.on("message", async ({ id, name, argument }: Question) => {
    try {
      const call = api[name as keyof Api]; // the caller's type allows no other names
      process.send?.({ id, result: await call(argument as never) } satisfies Answer);
    } catch (error) {
      process.send?.({
        id,
        error: error instanceof Error ? `${error.stack}` : String(error),
      } satisfies Answer);
    }
  });
  process.on("disconnect", () => process.exit());
  process.send?.({ id: READY, result: null } satisfies Answer);
}

/** Calls a child process that runs {@link answerCalls}. */
export class Caller<Api extends Calls<Api>> {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<
    number,
    { resolve: (result: unknown) => void; reject: (error: Error) => void }
  >();
  #lastId = READY;

  /** Resolves when the child is ready for calls. */
  static async start<Api extends Calls<Api>>(child: ChildProcess, name: string): Promise<Caller<Api>> {
    const caller = new Caller<Api>(child, name);
    await new Promise((resolve, reject) => caller.#waiting.set(READY, { resolve, reject }));
    return caller;
  }

  private constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    child.on("message", (answer) => this.#finish(answer as Answer)); // nothing else is sent by answerCalls
    child.on("error", (error) => this.#failAll(`could not run: ${error.message}`));
    child.on("exit", (code, signal) => this.#failAll(`ended early (${signal ?? `exit code ${code}`})`));
  }

  /** Rejects with the child's own error, or when the child ends before it answers. */
  call<Name extends keyof Api & string>(
    name: Name,
    argument: ArgumentOf<Api[Name]>,
  ): Promise<ResultOf<Api[Name]>> {
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    if (this.#child.connected) this.#child.send({ id, name, argument } satisfies Question);
    else this.#failAll("is not running");
    return answer as Promise<ResultOf<Api[Name]>>; // the child answers by the same Api
  }

  /** Ends the child; resolves when it has ended. */
  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    if (this.#child.connected) this.#child.disconnect();
    else this.#child.kill("SIGKILL");
    await ended;
  }

  #finish(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting?.reject(new Error(`${this.#name}: ${answer.error}`));
    else waiting?.resolve(answer.result);
  }

  #failAll(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(`${this.#name} ${reason}`));
    this.#waiting.clear();
  }
}
