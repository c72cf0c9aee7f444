import { Worker } from "node:worker_threads";
import { TidingsError } from "../../protocol/protocol.ts";
import { TOO_LONG } from "../sql/search.ts";
import type { Answers, Reply, ThreadStart, Work } from "./request.ts";

/** Program of the thread: beside this file, or under its name in the package. */
const PROGRAM = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./message-log-worker.mjs";

interface Waiting {
  readonly resolve: (answer: Answers[Work["do"]]) => void;
  readonly reject: (error: Error) => void;
}

/** A thread that has the database open. It starts with the first work, and again after it has failed. */
export class DatabaseThread {
  readonly #start: ThreadStart;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #last = 0;

  constructor(start: ThreadStart) {
    this.#start = start;
  }

  /** @throws TidingsError `timeout` for a search that takes too long, `unavailable` for any other failure */
  run<Kind extends Work["do"]>(work: Extract<Work, { do: Kind }>): Promise<Answers[Kind]> {
    this.#worker ??= this.#begin();
    const worker = this.#worker;
    worker.ref(); // a process must not end while somebody waits for an answer
    const id = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<Answers[Work["do"]]>();
    this.#waiting.set(id, { resolve, reject });
    worker.postMessage({ id, ...work });
    return promise as Promise<Answers[Kind]>; // the thread answers each kind so
  }

  async close(): Promise<void> {
    if (this.#worker !== undefined) await this.run({ do: "close" });
  }

  #begin(): Worker {
    const worker = new Worker(new URL(PROGRAM, import.meta.url), {
      workerData: this.#start,
      // node:sqlite is experimental in Node 22 and 24, and says so. This thread has no other code that could warn.
      execArgv: ["--disable-warning=ExperimentalWarning"],
    });
    worker.on("message", (reply: Reply) => this.#heard(reply));
    worker.on("error", (error) => this.#ended(worker, String(error)));
    worker.on("exit", () => this.#ended(worker, "its thread has ended"));
    return worker;
  }

  #heard(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if ("answer" in reply) waiting?.resolve(reply.answer);
    else
      waiting?.reject(reply.isTooLong ? new TidingsError("timeout", TOO_LONG) : this.#failure(reply.failure));
  }

  #ended(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(this.#failure(reason));
    this.#waiting.clear();
  }

  #failure(reason: string): TidingsError {
    return new TidingsError("unavailable", `message log: the file ${this.#start.path} failed: ${reason}`);
  }
}
