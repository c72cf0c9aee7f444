import { join } from "node:path";
import { REPOSITORY } from "../repository.ts";

/**
 * Where Node keeps the code that it has compiled, TypeScript without its types included: a `tidings serve` under test starts in
 * a fraction of the time. An entry counts for the text that it was made of only, so none is ever out of date.
 */
export const COMPILED: Readonly<Record<"NODE_COMPILE_CACHE", string>> = {
  NODE_COMPILE_CACHE: join(REPOSITORY, "node_modules/.cache/compiled"),
};
