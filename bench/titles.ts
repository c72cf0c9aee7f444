import { CLUSTER_CONTENDERS } from "./cluster/contenders.ts";
import { CONTENDERS } from "./rig/rig.ts";
import type { RowName } from "./scenario.ts";

/** Title of a contender in tables and charts, of either bench. */
export const titleOf = (name: RowName): string =>
  [...CONTENDERS, ...CLUSTER_CONTENDERS].find((contender) => contender.name === name)?.title ?? name;
