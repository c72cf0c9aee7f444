/** A relay in a process of its own, which a test kills. */
import { createRelay } from "../../src/outbox/outbox.ts";

const { OUTBOX = "", HUB = "", HUB_KEY = "" } = process.env;
const relay = createRelay({ database: OUTBOX, hub: { url: HUB, apiKey: HUB_KEY } });
process.once("SIGTERM", () => void relay.close());
