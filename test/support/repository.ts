import { resolve } from "node:path";

/** The directory of the repository. */
export const REPOSITORY = resolve(import.meta.dirname, "../..");
