import { Distribution } from "../../../protocol/protocol.ts";
import { MENDINGS, type Mending, type Traffic } from "../../port.ts";
import type { CallKind, Script } from "../connection/connection.ts";
import { KINDS, type Kind } from "../wire/lines.ts";

/** Bounds in seconds. A call takes a tenth of a millisecond on the same machine, and fails after `cluster.commandTimeoutMs` at most. */
const CALL_BOUNDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];

/** Counts the traffic between the nodes, in plain numbers that only rise. */
export class TrafficCounts implements Traffic {
  readonly messages = { in: zeros(), out: zeros() };
  readonly bytes = { in: 0, out: 0 };
  readonly scripts: Record<string, number>;
  readonly mended: Record<Mending, number> = Object.fromEntries(MENDINGS.map((what) => [what, 0])) as Record<
    Mending,
    number
  >; // of all
  readonly calls: Readonly<Record<CallKind, Distribution>> = {
    script: new Distribution(CALL_BOUNDS),
    push: new Distribution(CALL_BOUNDS),
    publish: new Distribution(CALL_BOUNDS),
  };
  dropped = 0;

  constructor(scripts: readonly Pick<Script, "name">[]) {
    this.scripts = Object.fromEntries(scripts.map(({ name }) => [name, 0]));
  }

  sent(kind: Kind, count: number): void {
    const { out } = this.messages;
    out[KINDS[kind]] = (out[KINDS[kind]] ?? 0) + count;
  }

  received(kind: Kind, count = 1): void {
    const { in: arrived } = this.messages;
    arrived[KINDS[kind]] = (arrived[KINDS[kind]] ?? 0) + count;
  }

  answered(kind: CallKind, ms: number): void {
    this.calls[kind].observe(ms / 1_000);
  }

  ran({ name }: Pick<Script, "name">): void {
    this.scripts[name] = (this.scripts[name] ?? 0) + 1;
  }
}

const zeros = (): Record<string, number> => Object.fromEntries(Object.values(KINDS).map((kind) => [kind, 0]));
