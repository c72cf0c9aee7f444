import { key } from "../key.ts";
import { milliseconds } from "../values.ts";

/** How a node closes. */
export const SHUTDOWN = {
  delayMs: key(milliseconds(0), 0, {
    unit: "ms",
    doc: "how long a closing node serves everybody as before while `/ready` is 503 already, so that load balancers stop sending it clients",
  }),
  drainMs: key(milliseconds(0), 10_000, {
    unit: "ms",
    doc: "how long a closing node waits until clients have received their pending messages and disconnected",
  }),
  reconnectSpreadMs: key(milliseconds(0), 5000, {
    unit: "ms",
    doc: "clients of a closing node reconnect after a random delay up to this, so that they do not all reconnect at once",
  }),
} as const;
