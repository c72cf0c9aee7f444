import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { COMPILED } from "./test/support/compiled/compiled.ts";
import { splitTests } from "./test/support/fast-tests.ts";

const { fast, whole } = splitTests(import.meta.dirname);

/** Small files that take long: vitest would run them last, when one worker is left with them. */
const LONG = /test\/(?:chaos|chat|backplane\/redis|backplane\/sqlite\/storm|cluster|hostile)\//;

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    pool: "forks",
    // By default a machine with two cores would run one file after the other.
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
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
        test: {
          name: "processes",
          include: whole,
          globalSetup: "test/support/compiled/warm-up.ts",
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
