/**
 * Tidings with the limits of clients at work, or without them: `node server.ts with`, `node server.ts without`. Without them nothing is
 * counted: `off` in place of a rate would count all the same.
 */
import { Limits } from "../../src/actions/actions.ts";
import { createHub } from "../../src/index.ts";
import { UNREACHED_LIMITS } from "./limits.ts";

if (process.argv[2] === "without") {
  Limits.prototype.message = Limits.prototype.ping = Limits.prototype.action = () => undefined;
}
const { actionsPerUser: _, ...limits } = UNREACHED_LIMITS.limits;
const hub = createHub({
  logLevel: "error",
  ...UNREACHED_LIMITS,
  // The address counts too: by default this machine is exempt. The rates of actions are the default.
  limits: { ...limits, whitelistCIDRs: ["192.0.2.1"] },
});
const { port } = await hub.listen({ port: 0, host: "127.0.0.1" });
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.(user + system);
});
process.send?.(port);
