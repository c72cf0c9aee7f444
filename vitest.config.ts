import { defineConfig } from "vitest/config";
import { COMPILED } from "./test/support/compiled/compiled.ts";
import { splitTests } from "./test/support/fast-tests.ts";

const { fast, whole } = splitTests(import.meta.dirname);

export default defineConfig({
  test: {
    pool: "forks",
    // Most tests wait for other processes; by default a machine with two cores would run one file after the other.
    maxWorkers: 2,
    // A hang must end some day; no test asserts a duration.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Servers that tests start keep their data in memory, and leave no directory behind. Tests of the data name their own.
    env: { DATA_DIR: "0", ...COMPILED },
    projects: [
      {
        extends: true,
        // Files share a worker and its modules: to load these anew for each file would take longer than the tests.
        test: { name: "fast", include: fast, setupFiles: "test/support/no-processes.ts", isolate: false },
      },
      {
        extends: true,
        test: { name: "processes", include: whole, globalSetup: "test/support/compiled/warm-up.ts" },
      },
    ],
  },
});
