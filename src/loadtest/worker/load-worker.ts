import {
  type Client,
  type ClientEvent,
  type ClientListener,
  type Pending,
  type TokenOf,
  wordsOf,
} from "../clients/client.ts";
import { RawClient } from "../clients/raw-client.ts";
import { TidingsClient } from "../clients/tidings-client.ts";
import type { Sent } from "../measure/arrivals.ts";
import { machineUs } from "../measure/clock.ts";
import { Counter } from "../measure/counted.ts";
import { type Marker, prefixOf } from "../measure/marker.ts";
import { clientsOf, type Plan, roleOf, streamsOf, workerOf } from "../plan.ts";
import type { Ending } from "../socket/web-socket.ts";
import type { Credentials, Snapshot, Tally, Task, WorkerApi } from "./api.ts";
import { HttpPublisher } from "./http-publisher.ts";
import { Inbox } from "./inbox.ts";
import { Meters } from "./meters.ts";
import { Opening } from "./opening.ts";
import { excusePending, Outbox } from "./outbox.ts";
import { Schedule, type ScheduleOptions } from "./schedule.ts";

/** Makes what signs tokens: the rooms above have the keys. */
export type TokensOf = (credentials: Credentials, plan: Plan) => TokenOf;

/** How long goodbyes may take. */
const GOODBYE_MS = 10_000;

/** Everything of one task. */
interface Work extends Task {
  readonly clients: readonly Client[];
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly opening: Opening;
  /** One for each target; empty when clients send. */
  readonly publishers: readonly HttpPublisher[];
}

/** One process of the load tester: it holds a share of the clients, sends, and counts what arrives. */
export class LoadWorker implements ClientListener {
  readonly #tokensOf: TokensOf;
  readonly #meters = new Meters();
  #work: Work | undefined;
  /** When the messages begin that are timed, in microseconds of the run. */
  #timedFromUs = 0;
  /** When clients that are on their way back were cut. Those that are still away at the end have failed. */
  readonly #away = new Map<Client, number>();
  readonly #schedules = new Set<Schedule>();
  /** The run ends early. */
  #isStopped = false;
  /** Connections that end are not missed any more. */
  #isEnding = false;

  constructor(tokensOf: TokensOf) {
    this.#tokensOf = tokensOf;
  }

  /** The calls as functions of their own, for whatever carries them. */
  calls(): WorkerApi {
    return {
      prepare: (task) => this.prepare(task),
      connect: (argument) => this.connect(argument),
      send: (argument) => this.send(argument),
      storm: (argument) => this.storm(argument),
      snapshot: (argument) => this.snapshot(argument),
      sent: () => this.sent(),
      expect: (argument) => this.expect(argument),
      missing: () => this.missing(),
      stop: () => this.stop(),
      tally: () => this.tally(),
      disconnect: () => this.disconnect(),
    };
  }

  prepare(task: Task): null {
    const { plan, worker, credentials, apiKey } = task;
    const prefix = prefixOf(plan.run);
    const tokenOf = this.#tokensOf(credentials, plan);
    const users = credentials.type === "tokens" ? credentials.users : undefined;
    const clients: Client[] = [];
    for (let index = 0; index < clientsOf(plan); index++) {
      if (workerOf(plan, index) !== worker) continue;
      const options = { plan, role: roleOf(plan, index, users), tokenOf, listener: this };
      clients.push(
        options.role.target.http === undefined
          ? new RawClient(options, prefix)
          : new TidingsClient(options, prefix),
      );
    }
    const meters = this.#meters;
    const onAttempt = (): void => void meters.totals.attempts++;
    const opening = new Opening({ timeoutMs: plan.connectTimeoutMs, refusals: meters.refusals, onAttempt });
    const answered = (pending: Pending, refusal?: string): void => this.answered(pending, refusal);
    const published = plan.via === "http" ? plan.targets : [];
    const publishers = published.flatMap((target) =>
      target.http === undefined ? [] : [new HttpPublisher({ plan, apiKey, answered }, target, target.http)],
    );
    this.#work = {
      ...task,
      clients,
      outbox: new Outbox(prefix, plan.size),
      inbox: new Inbox(),
      opening,
      publishers,
    };
    return null;
  }

  async connect({ fromUs }: { fromUs: number }): Promise<null> {
    const { plan, clients, worker, opening } = this.#task();
    const opens: Promise<void>[] = [];
    await this.#run({
      fromUs: fromUs + (worker * 1e6) / plan.ramp,
      perSecond: plan.ramp / plan.workers,
      count: clients.length,
      onDue: (index, plannedUs) => {
        const client = clients[index];
        if (client === undefined) return;
        client.plannedUs = plannedUs;
        opens.push(opening.open(client).then((isOpen) => this.#opened(client, isOpen)));
      },
    });
    await Promise.all(opens);
    return null;
  }

  async send({ fromUs }: { fromUs: number }): Promise<null> {
    const { plan, outbox, worker } = this.#task();
    const { totals } = this.#meters;
    this.#timedFromUs = Math.floor(fromUs + plan.warmupMs * 1_000); // planned times are whole numbers
    const churning = this.#churn(fromUs);
    const perSecond = (plan.rate * outbox.streams) / Math.max(1, streamsOf(plan));
    const now = (): number => this.#now();
    const onDue = (_: number, plannedUs: number): void => {
      if (!outbox.send(plannedUs, now)) return void totals.unsent++;
      totals.sent++;
      this.#time("lateness", plannedUs);
    };
    const count = Math.round((perSecond * plan.durationMs) / 1_000);
    if (count > 0) await this.#run({ fromUs: fromUs + (worker * 1e6) / plan.rate, perSecond, count, onDue });
    await churning;
    return null;
  }

  async storm({ atUs }: { atUs: number }): Promise<null> {
    const { plan, clients, worker } = this.#task();
    await this.#run({ fromUs: atUs, perSecond: 1, count: 1, onDue: () => {} });
    if (this.#isStopped) return null;
    const cut = clients.filter(({ role, isOpen }) => role.index < plan.connections && isOpen);
    const now = this.#now();
    for (const client of cut) this.#cut(client, now);
    const back: Promise<void>[] = [];
    await this.#run({
      fromUs: now + (worker * plan.spreadMs * 1_000) / plan.connections,
      perSecond: (cut.length * 1_000) / Math.max(1, plan.spreadMs),
      count: cut.length,
      onDue: (index) => {
        const client = cut[index];
        if (client !== undefined) back.push(this.#comeBack(client));
      },
    });
    await Promise.all(back);
    return null;
  }

  snapshot({ forget }: { forget: boolean }): Snapshot {
    const { clients, publishers } = this.#task();
    let open = 0;
    let pending = this.#away.size + publishers.reduce((sum, each) => sum + each.pending, 0);
    for (const client of clients) {
      if (client.isOpen) open++;
      pending += client.pending;
    }
    return this.#meters.snapshot(open, pending, forget);
  }

  sent(): readonly Sent[] {
    const { clients, outbox, publishers } = this.#task();
    for (const publisher of publishers) publisher.close();
    for (const client of clients) this.#meters.totals.unconfirmed += excusePending(client, outbox);
    return outbox.sent();
  }

  expect({ sent }: { sent: readonly Sent[] }): null {
    this.#task().inbox.expect(sent);
    return null;
  }

  missing(): number {
    return this.#task().inbox.settle().lost;
  }

  stop(): null {
    this.#isStopped = true;
    for (const schedule of this.#schedules) schedule.stop();
    const { clients, inbox, opening } = this.#task();
    opening.stop();
    // A client that is away does not come back to get what it missed.
    for (const client of clients) if (!client.isOpen) inbox.forget(client.role);
    return null;
  }

  tally(): Tally {
    const { clients, inbox } = this.#task();
    const nodes = new Counter();
    for (const { node, isOpen } of clients) if (isOpen && node !== undefined) nodes.count(node);
    const meters = this.#meters.tally();
    const totals = { ...meters.totals, failed: meters.totals.failed + this.#away.size };
    return { ...meters, totals, nodes: nodes.counts(), ...inbox.settle() };
  }

  async disconnect(): Promise<null> {
    this.#isEnding = true;
    const { clients, opening, publishers } = this.#task();
    opening.stop();
    for (const publisher of publishers) publisher.close();
    for (const client of clients) client.close();
    const until = performance.now() + GOODBYE_MS;
    while (clients.some(({ isOver }) => !isOver) && performance.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 20));
    for (const client of clients) client.cut();
    this.#meters.stop();
    return null;
  }

  opened(client: Client): void {
    const cutUs = this.#away.get(client);
    if (cutUs === undefined) this.#meters.time("connect", this.#now() - client.plannedUs);
    else {
      this.#away.delete(client);
      this.#meters.totals.reconnects++;
      this.#meters.time("reconnect", this.#now() - cutUs);
    }
    this.#task().opening.opened(client);
  }

  ended(client: Client, ending: Ending): void {
    const { inbox, outbox, opening, plan } = this.#task();
    this.#meters.totals.unconfirmed += excusePending(client, outbox);
    if (opening.failed(client, ending) || this.#isEnding) return;
    this.#meters.ends.count(wordsOf(ending));
    this.#away.set(client, this.#now());
    if (this.#isStopped) return void inbox.forget(client.role);
    setTimeout(() => {
      if (!this.#isEnding && !this.#isStopped) void this.#comeBack(client);
    }, Math.random() * plan.spreadMs);
  }

  message({ role }: Client, { stream, number, plannedUs, sentUs }: Marker): void {
    const { totals } = this.#meters;
    const arrival = this.#task().inbox.take(role, stream, number);
    if (arrival === undefined) return void totals.strays++;
    if (arrival === "duplicate") return void totals.duplicates++;
    if (arrival === "late") totals.reordered++;
    totals.received++;
    if (plannedUs < this.#timedFromUs) return;
    const now = this.#now();
    this.#meters.time("latency", now - plannedUs);
    this.#meters.time("transit", now - sentUs);
  }

  answered(pending: Pending, refusal?: string): void {
    const { totals, refusedMessages } = this.#meters;
    if (refusal === undefined) {
      totals.accepted++;
      return void this.#time("receipt", pending.plannedUs);
    }
    totals.refused++;
    refusedMessages.count(refusal);
    this.#task().outbox.excuse(pending);
  }

  noticed(event: ClientEvent): void {
    const { totals, errors } = this.#meters;
    if (event === "repeat") totals.repeats++;
    else if (event === "gap") totals.gaps++;
    else if (event === "unrecovered") totals.unrecovered++;
    else errors.count(event.slice("error: ".length));
  }

  /** In a soak, one client after the other is cut and comes back. */
  async #churn(fromUs: number): Promise<void> {
    const { plan, clients } = this.#task();
    const perSecond = plan.churn / plan.workers;
    const count = Math.floor((perSecond * plan.durationMs) / 1_000);
    if (count === 0) return;
    const back: Promise<void>[] = [];
    const onDue = (index: number): void => {
      const client = clients[index % clients.length];
      if (client?.isOpen !== true) return;
      this.#cut(client, this.#now());
      back.push(this.#comeBack(client));
    };
    await this.#run({ fromUs, perSecond, count, onDue });
    await Promise.all(back);
  }

  #cut(client: Client, now: number): void {
    this.#away.set(client, now);
    this.#meters.totals.unconfirmed += excusePending(client, this.#task().outbox);
    client.cut();
  }

  async #comeBack(client: Client): Promise<void> {
    if (await this.#task().opening.open(client)) return;
    this.#away.delete(client);
    this.#meters.totals.failed++;
  }

  #opened(client: Client, isOpen: boolean): void {
    const { totals } = this.#meters;
    if (!isOpen) return void totals.failed++;
    totals.opened++;
    const { inbox, outbox, plan, publishers } = this.#task();
    const { role } = client;
    inbox.add(role);
    const sender = publishers[plan.targets.indexOf(role.target)] ?? client;
    for (const stream of role.sends) outbox.add(stream, sender);
  }

  async #run(options: Omit<ScheduleOptions, "now">): Promise<void> {
    const schedule = new Schedule({ ...options, now: () => this.#now() });
    this.#schedules.add(schedule);
    await schedule.done;
    this.#schedules.delete(schedule);
  }

  /** Records the time since a message was planned, unless that was in the warm-up. */
  #time(timing: "receipt" | "lateness", plannedUs: number): void {
    if (plannedUs >= this.#timedFromUs) this.#meters.time(timing, this.#now() - plannedUs);
  }

  /** Microseconds since the run began. */
  #now(): number {
    return machineUs() - this.#task().originUs;
  }

  #task(): Work {
    if (this.#work === undefined) throw new Error("the process has no task yet");
    return this.#work;
  }
}
