import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { HubOptions } from "../../../src/index.ts";
import { NEVER_OVERLOADED } from "../unlimited.ts";

/** A question to a hub in another process. */
export interface Question {
  readonly id: number;
  readonly ask: "memory" | "rss" | "failures" | "publish" | "count" | "close";
  readonly user?: string;
  readonly type?: string;
  readonly data?: unknown;
  readonly count?: number;
}

/** A hub in a process of its own. Every question rejects when the process has ended. */
export class HubProcess {
  readonly #child: ChildProcess;
  readonly #base: string;
  #nextId = 0;

  constructor(child: ChildProcess, base: string) {
    this.#child = child;
    this.#base = base;
  }

  /** The WebSocket URL with these query parameters. */
  url(parameters: Record<string, string> = {}): string {
    return `${this.#base}/ws?${new URLSearchParams(parameters)}`;
  }

  /** Bytes in use after collection: heap and buffers. */
  memory(): Promise<number> {
    return this.#ask({ ask: "memory" }) as Promise<number>; // as program.ts answers it
  }

  /** Resident bytes of the process. */
  rss(): Promise<number> {
    return this.#ask({ ask: "rss" }) as Promise<number>; // as program.ts answers it
  }

  /** The failures that the hub reported by its `error` event. */
  failures(): Promise<string[]> {
    return this.#ask({ ask: "failures" }) as Promise<string[]>; // as program.ts answers it
  }

  /** Users and connections. */
  count(): Promise<{ users: number; connections: number }> {
    return this.#ask({ ask: "count" }) as Promise<{ users: number; connections: number }>; // as program.ts answers it
  }

  async publish(message: Pick<Question, "user" | "type" | "data" | "count">): Promise<void> {
    await this.#ask({ ask: "publish", ...message });
  }

  async close(): Promise<void> {
    await this.#ask({ ask: "close" });
  }

  /** Resolves when nothing keeps the process alive any more. It must have been closed before. */
  async ended(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    if (this.#child.exitCode === null) await once(this.#child, "exit");
  }

  #ask(question: Omit<Question, "id">): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const onEnd = (code: number | null): void => reject(new Error(`the hub's process ended with ${code}`));
      const onAnswer = (answer: { id: number; answer: unknown }): void => {
        if (answer.id !== id) return;
        this.#child.off("message", onAnswer);
        this.#child.off("exit", onEnd);
        resolve(answer.answer);
      };
      this.#child.on("message", onAnswer);
      this.#child.once("exit", onEnd);
      this.#child.send({ ...question, id });
    });
  }
}

/**
 * A hub in a process of its own on a free loopback port, ended when the test is over.
 * @param flags further flags of Node
 */
export async function startHubProcess(
  options: HubOptions = {},
  ...flags: readonly string[]
): Promise<HubProcess> {
  const program = join(import.meta.dirname, "program.ts");
  const child = fork(program, [JSON.stringify({ overload: NEVER_OVERLOADED, ...options })], {
    execArgv: ["--expose-gc", ...flags],
  });
  onTestFinished(() => void child.kill());
  const [{ url }] = await once(child, "message");
  return new HubProcess(child, url.replace("http", "ws"));
}
