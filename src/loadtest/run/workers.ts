import type { Sent } from "../measure/arrivals.ts";
import { Histogram } from "../measure/histogram.ts";
import type { Caller } from "../processes/calls.ts";
import type { Snapshot, Tally, Task, WorkerApi } from "../worker/api.ts";
import { sumOf } from "../worker/meters.ts";

/** A process of the load tester, as the one that leads sees it. */
export type WorkerPort = Pick<Caller<WorkerApi>, "call" | "close">;

/** What all processes together did since the last look. */
export interface Look extends Snapshot {
  readonly recentLatency: Histogram;
}

/** All processes of a run. */
export class Workers {
  readonly #ports: readonly WorkerPort[];

  static async start(count: number, start: () => Promise<WorkerPort>): Promise<Workers> {
    return new Workers(await Promise.all(Array.from({ length: count }, start)));
  }

  private constructor(ports: readonly WorkerPort[]) {
    this.#ports = ports;
  }

  prepare = (task: Omit<Task, "worker">): Promise<unknown> =>
    Promise.all(this.#ports.map((port, worker) => port.call("prepare", { ...task, worker })));
  connect = (fromUs: number): Promise<unknown> => this.#all((port) => port.call("connect", { fromUs }));
  send = (fromUs: number): Promise<unknown> => this.#all((port) => port.call("send", { fromUs }));
  storm = (atUs: number): Promise<unknown> => this.#all((port) => port.call("storm", { atUs }));
  stop = (): Promise<unknown> => this.#all((port) => port.call("stop", null));
  disconnect = (): Promise<unknown> => this.#all((port) => port.call("disconnect", null));
  close = (): Promise<unknown> => this.#all((port) => port.close());

  /** @param forget whether the next look tells what happens from now on */
  async look(forget = false): Promise<Look> {
    const snapshots = await this.#all((port) => port.call("snapshot", { forget }));
    const recentLatency = new Histogram();
    for (const { recent } of snapshots) recentLatency.add(recent);
    return {
      open: sum(snapshots, ({ open }) => open),
      pending: sum(snapshots, ({ pending }) => pending),
      totals: sumOf(snapshots.map(({ totals }) => totals)),
      recent: recentLatency.encode(),
      recentLatency,
      cpuUs: sum(snapshots, ({ cpuUs }) => cpuUs),
      loopMs: Math.max(...snapshots.map(({ loopMs }) => loopMs)),
    };
  }

  /** What all of them sent. A stream has one sender. */
  async sent(): Promise<readonly Sent[]> {
    return (await this.#all((port) => port.call("sent", null))).flat();
  }

  expect = (sent: readonly Sent[]): Promise<unknown> => this.#all((port) => port.call("expect", { sent }));

  async missing(): Promise<number> {
    return sum(await this.#all((port) => port.call("missing", null)), (missing) => missing);
  }

  tallies(): Promise<Tally[]> {
    return this.#all((port) => port.call("tally", null));
  }

  #all<Result>(call: (port: WorkerPort) => Promise<Result>): Promise<Result[]> {
    return Promise.all(this.#ports.map(call));
  }
}

const sum = <Item>(items: readonly Item[], of: (item: Item) => number): number =>
  items.reduce((total, item) => total + of(item), 0);
