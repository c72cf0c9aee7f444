import { connect } from "../../src/client/client.ts";

/** Closes a client with a pending request, acknowledgement, gap fill and renewal. The process must exit by itself. */
const client = connect(process.argv[2] ?? "", { token: () => "token", timeoutMs: 1e9 });
client.request("never.answered").catch(() => {});
client.on("*", () => void client.close());
process.disconnect?.();
