import { defineConfig } from "tsdown";
import { tidyDeclarations } from "./scripts/declarations.ts";

export default defineConfig([
  {
    entry: {
      index: "src/index.ts",
      chat: "src/chat/chat.ts",
      limit: "src/limit/limit.ts",
      log: "src/log/log.ts",
      // A thread of its own: src/log/sqlite/thread.ts loads it by this name.
      "message-log-worker": "src/log/sqlite/worker.ts",
      outbox: "src/outbox/outbox.ts",
      protocol: "src/protocol/protocol.ts",
      testing: "src/testing/testing.ts",
      cli: "src/cli/main.ts",
    },
    platform: "node",
    target: "node22.18",
    dts: true,
    hooks: { "build:done": () => tidyDeclarations("dist") },
    // The page's build puts its files into dist/web.
    clean: ["dist/*.mjs", "dist/*.mts", "dist/*.js", "dist/*.ts", "dist/*.map"],
    sourcemap: true,
  },
  {
    entry: {
      client: "src/client/client.ts",
      react: "src/react/react.ts",
      rooms: "src/client/rooms.ts",
      stores: "src/stores/stores.ts",
    },
    platform: "neutral",
    target: "es2022",
    dts: true,
    clean: false,
    sourcemap: true,
  },
  {
    entry: { offline: "src/offline/offline.ts" },
    platform: "neutral",
    target: "es2022",
    dts: true,
    clean: false,
    sourcemap: true,
    // The SDK is the file of the entry `client`: one class for applications that use both.
    plugins: [
      {
        name: "client-entry",
        resolveId: (source: string) =>
          source.endsWith("/client/client.ts") ? { id: "./client.js", external: true } : undefined,
      },
    ],
  },
]);
