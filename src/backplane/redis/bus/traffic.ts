import { MENDINGS, type Mending, type Traffic } from "../../port.ts";
import type { Script } from "../connection/connection.ts";
import { KINDS, type Kind } from "../wire/lines.ts";

/** Counts the traffic between the nodes, in plain numbers that only rise. */
export class TrafficCounts implements Traffic {
  readonly messages = { in: zeros(), out: zeros() };
  readonly bytes = { in: 0, out: 0 };
  readonly scripts: Record<string, number>;
  readonly mended: Record<Mending, number> = Object.fromEntries(MENDINGS.map((what) => [what, 0])) as Record<
    Mending,
    number
  >; // of all
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

  ran({ name }: Pick<Script, "name">): void {
    this.scripts[name] = (this.scripts[name] ?? 0) + 1;
  }
}

const zeros = (): Record<string, number> => Object.fromEntries(Object.values(KINDS).map((kind) => [kind, 0]));
