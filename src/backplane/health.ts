/**
 * Parts of a node's service that can fail while the rest works. The metric `tidings_degraded` has a series for each, so
 * a new part begins here.
 */
export const DEGRADABLE = [
  "stored messages",
  "clock",
  "redis settings",
  "node settings",
  "node id",
  "lost data",
  "partitions",
  "overload",
  "workers",
  "message log",
] as const;

export type Degradable = (typeof DEGRADABLE)[number];

/** A part of the service that does not work as it should, while this node takes traffic. */
export interface Degradation {
  readonly what: Degradable;
  /** One plain sentence for the operator, without secrets and addresses: `/ready` shows it to everybody. */
  readonly why: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/**
 * Abilities that are known apart. `reach`: Redis answers. `read`, `write`: data. `publish`, `receive`: lines to and from
 * the other nodes.
 */
export const ABILITIES = ["reach", "read", "write", "publish", "receive"] as const;

export type Ability = (typeof ABILITIES)[number];

export type HealthEvent =
  | ({ readonly kind: "degraded" | "restored" } & Degradation)
  /** A connection to the backplane has ended (`lost`), or was made again (`remade`). */
  | { readonly kind: "lost" | "remade"; readonly connection: string };

type Watcher = (event: HealthEvent) => void;

/** The health of a node's backplane: what it can do, and what is degraded. */
export interface Health {
  /** Connections that have ended since the start, by name. The backplane enters each name with 0. */
  readonly connectionsLost: Record<string, number>;
  /** Degraded parts, the oldest first. */
  readonly degraded: readonly Degradation[];
  readonly abilities: Readonly<Record<Ability, boolean>>;
  /** Reports a part as degraded. A later call replaces the reason; a call with the same reason does nothing. */
  degrade(what: Degradable, why: string): void;
  /** Reports that a part works again. Does nothing when it was not degraded. */
  restore(what: Degradable): void;
  /** Sets abilities. */
  able(isAble: boolean, ...abilities: readonly Ability[]): void;
  /** Counts a lost connection. */
  lost(connection: string): void;
  /** Reports that a lost connection works again. */
  remade(connection: string): void;
  /** Calls a function at each change. It must not throw. */
  watch(watcher: (event: HealthEvent) => void): void;
}

/** Makes the health of a backplane, which can do nothing yet. */
export const createHealth = (): Health => new NodeHealth();

class NodeHealth implements Health {
  readonly #degraded = new Map<Degradable, Degradation>();
  readonly #watchers: Watcher[] = [];
  readonly #abilities: Record<Ability, boolean> = {
    reach: false,
    read: false,
    write: false,
    publish: false,
    receive: false,
  };
  readonly connectionsLost: Record<string, number> = {};

  get degraded(): readonly Degradation[] {
    return [...this.#degraded.values()];
  }

  get abilities(): Readonly<Record<Ability, boolean>> {
    return this.#abilities;
  }

  degrade(what: Degradable, why: string): void {
    const known = this.#degraded.get(what);
    if (known?.why === why) return;
    const degradation = { what, why, since: known?.since ?? Date.now() };
    this.#degraded.set(what, degradation);
    this.#tell({ kind: "degraded", ...degradation });
  }

  restore(what: Degradable): void {
    const known = this.#degraded.get(what);
    if (known === undefined) return;
    this.#degraded.delete(what);
    this.#tell({ kind: "restored", ...known });
  }

  able(isAble: boolean, ...abilities: readonly Ability[]): void {
    for (const ability of abilities) this.#abilities[ability] = isAble;
  }

  lost(connection: string): void {
    this.connectionsLost[connection] = (this.connectionsLost[connection] ?? 0) + 1;
    this.#tell({ kind: "lost", connection });
  }

  remade(connection: string): void {
    this.#tell({ kind: "remade", connection });
  }

  watch(watcher: Watcher): void {
    this.#watchers.push(watcher);
  }

  #tell(event: HealthEvent): void {
    for (const watcher of this.#watchers) watcher(event);
  }
}
