import { createServer } from "node:http";
import { createHub } from "../../../src/index.ts";
import type { Question } from "../../support/hub-process/hub-process.ts";
import { NEVER_OVERLOADED } from "../../support/unlimited.ts";

/**
 * An application with a server of its own, to which a hub is attached. It answers the questions of hub-process.ts.
 * With `shared`, a second upgrade listener takes no upgrade, like the listener of a library with another path.
 */
const hub = createHub({
  logLevel: "silent",
  overload: NEVER_OVERLOADED,
});
const failures: string[] = [];
hub.on("error", ({ stage, error }) => failures.push(`${stage}: ${error}`));
const server = createServer(hub.handler);
hub.attach(server);
if (process.argv[2] === "shared") server.on("upgrade", () => undefined);

const answers: Partial<Record<Question["ask"], () => unknown>> = {
  failures: () => failures,
  count: () => hub.presence.count(),
};

process.on("message", async ({ id, ask }: Question) => {
  process.send?.({ id, answer: await answers[ask]?.() });
});
process.on("disconnect", () => process.exit());
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null)
    process.send?.({ url: `http://127.0.0.1:${address.port}` });
});
