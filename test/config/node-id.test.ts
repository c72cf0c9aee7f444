import { hostname } from "node:os";
import { expect, it } from "vitest";
import { nodeId, resolveConfig } from "../../src/config/config.ts";

const idFrom = (env: Record<string, string>): string => nodeId(resolveConfig({ env }));

it("a node is named by its id, else its address and port, else its pod, else host and process", () => {
  const all = { NODE_ID: "n1", NODE_IP: "10.0.0.7", NODE_PORT: "9000", POD_NAME: "hub-0" };
  expect(idFrom(all)).toBe("n1");
  expect(idFrom({ ...all, NODE_ID: "" })).toBe("10.0.0.7:9000");
  expect(idFrom({ ...all, NODE_ID: "", NODE_PORT: "" })).toBe("hub-0");
  expect(idFrom({})).toBe(`${hostname()}-${process.pid}`);
});
