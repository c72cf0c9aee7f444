import type { Kind } from "../redis/kind.ts";
import type { Fault } from "./fault.ts";
import { NETWORK_FAULTS, NODE_FAULTS } from "./nodes.ts";
import { REDIS_FAULTS } from "./redis.ts";
import { TOPOLOGY_FAULTS } from "./topology.ts";

const FAULTS: readonly Fault[] = [...NODE_FAULTS, ...NETWORK_FAULTS, ...REDIS_FAULTS, ...TOPOLOGY_FAULTS];

/**
 * The faults that a kind of Redis can have.
 * @param names only these; all without it
 * @throws Error for a name that no fault has
 */
export function faultsOn(kind: Kind, names?: readonly string[]): readonly Fault[] {
  const unknown = names?.find((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown !== undefined) {
    throw new Error(`no fault is called ${unknown}: expected ${FAULTS.map(({ name }) => name).join(", ")}`);
  }
  return FAULTS.filter(({ name, on }) => on.includes(kind) && (names?.includes(name) ?? true));
}

export type { Fault, Heal } from "./fault.ts";
