import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Most tests wait for other processes; by default a machine with two cores would run one file after the other.
    maxWorkers: 2,
    // A hang must end some day; no test asserts a duration.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
