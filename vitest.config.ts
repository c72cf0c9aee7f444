import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // A hang must end some day; no test asserts a duration.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
