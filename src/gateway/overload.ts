import { type EventLoopUtilization, performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { parseRate, RateCounter } from "../limit/limit.ts";
import { TidingsError } from "../protocol/protocol.ts";
import { residentBytes } from "./memory.ts";
import { LoopDelayMonitor } from "./metrics/metrics.ts";

/** Load of the process within a second. */
export interface Load {
  /** Share of the time in which the event loop worked, in percent. */
  readonly loopPercent: number;
  /** Delay of the event loop that 9 of 10 samples did not exceed, in milliseconds. */
  readonly delayMs: number;
  /** Share of the memory that the process may use, in percent. */
  readonly memoryPercent: number;
}

export interface OverloadSettings {
  /** Rate of new connections of the node, or `off`. */
  readonly connectsPerNode: string;
  /** 0: the event loop is never overloaded. */
  readonly loopPercent: number;
  readonly loopDelayMs: number;
  /** 0: the memory is never overloaded. */
  readonly memoryPercent: number;
}

/** Things that an overloaded node sheds, in this order. Stored messages are never shed. */
export const SHED = ["connections", "ephemeral"] as const;
export type Shed = (typeof SHED)[number];

export interface OverloadPorts {
  /** Reads the load since the last call. @default that of this process */
  readonly read?: () => Load;
  /** Called at each change, with a sentence for operators; undefined when the node is no longer overloaded. */
  readonly changed: (why: string | undefined) => void;
  /** Counts a decision about a new connection by `connectsPerNode`. */
  readonly counted: (isAllowed: boolean) => void;
}

/** Between two looks at the load. */
const SAMPLE_MS = 1_000;

/** Overloaded samples in a row after which the node sheds: new connections, and then ephemeral messages. */
const SHED_AFTER = [3, 10];

/** Samples without overload in a row after which the node takes up again what it shed last. */
const RECOVER_AFTER = 5;

/** Below this share of the limits a node that sheds counts as recovered: at the limit itself it would go to and fro. */
const RECOVERED_SHARE = 0.8;

/** Time after which a client that was refused may come again, in milliseconds; the jitter keeps them from coming together. */
const RETRY_MS = { least: 2_000, jitter: 3_000 };

/**
 * Watches the load of the process. An overloaded node first refuses new connections, then ephemeral messages, and never
 * anything stored: whoever is connected keeps what was promised.
 */
export class Overload {
  /** Refusals since the start. */
  readonly shed: Record<Shed, number> = { connections: 0, ephemeral: 0 };
  readonly #settings: OverloadSettings;
  readonly #ports: OverloadPorts;
  readonly #read: () => Load;
  readonly #connects: RateCounter | undefined;
  readonly #process = new ProcessLoad();
  readonly #timer: NodeJS.Timeout;
  /** Number of things that are shed. */
  #stage = 0;
  #overloaded = 0;
  #calm = 0;
  #why: string | undefined;
  /** The sentence that was told last. */
  #told: string | undefined;

  constructor(settings: OverloadSettings, ports: OverloadPorts) {
    this.#settings = { ...settings };
    this.#ports = ports;
    this.#read = ports.read ?? (() => this.#process.read());
    const { connectsPerNode } = settings;
    this.#connects =
      connectsPerNode === "off" ? undefined : new RateCounter({ rate: parseRate(connectsPerNode) });
    this.#timer = setInterval(() => this.sample(), SAMPLE_MS).unref();
  }

  /** True while ephemeral messages are refused. */
  get shedsEphemeral(): boolean {
    return this.#stage >= 2;
  }

  /** Why the node refuses new connections; undefined while it admits them. */
  get refusal(): string | undefined {
    return this.#stage >= 1 ? this.#why : undefined;
  }

  /**
   * Counts a new connection.
   * @throws TidingsError `unavailable` while the node is overloaded, and beyond its rate
   */
  assertConnect(): void {
    if (this.#stage >= 1) {
      this.shed.connections++;
      throw tryLater("the node is overloaded");
    }
    const isAllowed = this.#connects?.take(performance.now()) ?? true;
    this.#ports.counted(isAllowed);
    if (!isAllowed) throw tryLater("too many clients connect to this node at once");
  }

  /** @throws TidingsError `unavailable` while ephemeral messages are shed */
  assertEphemeral(): void {
    if (this.#stage < 2) return;
    this.shed.ephemeral++;
    throw tryLater("the node is overloaded and takes stored messages only");
  }

  /** Looks at the load. */
  sample(): void {
    const load = this.#read();
    const why = this.#excessOf(load, 1);
    if (why !== undefined) {
      this.#calm = 0;
      this.#overloaded++;
      if (this.#overloaded >= (SHED_AFTER[this.#stage] ?? Number.POSITIVE_INFINITY)) this.#stage++;
      this.#tell(why);
    } else if (this.#stage === 0 || this.#excessOf(load, RECOVERED_SHARE) === undefined) this.#relax();
    else this.#calm = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#process.stop();
  }

  #relax(): void {
    this.#calm++;
    if (this.#stage === 0) this.#overloaded = 0;
    if (this.#stage > 0 && this.#calm >= RECOVER_AFTER) {
      this.#stage--;
      this.#calm = 0;
      this.#overloaded = SHED_AFTER[this.#stage - 1] ?? 0;
    }
    this.#tell(this.#stage === 0 ? undefined : this.#why);
  }

  #tell(why: string | undefined): void {
    const text = why === undefined ? undefined : `${why}${STAGES[this.#stage] ?? ""}`;
    if (text === this.#told) return;
    this.#told = text;
    this.#why = why;
    this.#ports.changed(text);
  }

  /** @param share of the limits that counts as too much */
  #excessOf({ loopPercent, delayMs, memoryPercent }: Load, share: number): string | undefined {
    const settings = this.#settings;
    const isLoop = settings.loopPercent > 0 && loopPercent >= settings.loopPercent * share;
    if (isLoop && delayMs >= settings.loopDelayMs * share) return "the event loop is overloaded";
    const isMemory = settings.memoryPercent > 0 && memoryPercent >= settings.memoryPercent * share;
    return isMemory ? "the memory is nearly full" : undefined;
  }
}

/** Ends of the sentence for operators, by the number of things that are shed. */
const STAGES = ["", ": new connections are refused", ": new connections and ephemeral messages are refused"];

function tryLater(message: string): TidingsError {
  const retryAfterMs = Math.round(RETRY_MS.least + Math.random() * RETRY_MS.jitter);
  return new TidingsError("unavailable", message, { retryAfterMs });
}

/** Load of this process. */
class ProcessLoad {
  readonly #delay = new LoopDelayMonitor();
  #last: EventLoopUtilization = performance.eventLoopUtilization();

  read(): Load {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, this.#last);
    this.#last = now;
    const { p90: delayMs } = this.#delay.read();
    this.#delay.reset();
    return { loopPercent: utilization * 100, delayMs, memoryPercent: memoryPercent() };
  }

  stop(): void {
    this.#delay.stop();
  }
}

/** Share of the heap's limit, or of the container's, whichever is larger. */
function memoryPercent(): number {
  const { used_heap_size, heap_size_limit } = getHeapStatistics();
  const container = process.constrainedMemory();
  // 0, or a number beyond all memory: there is no limit.
  const share = container > 0 && container < Number.MAX_SAFE_INTEGER ? residentBytes() / container : 0;
  return Math.max(used_heap_size / heap_size_limit, share) * 100;
}
