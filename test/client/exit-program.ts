import { connect } from "../../src/client/client.ts";

/** Connects, leaves a request, an acknowledgement, a gap and a renewal open, and closes: the process must end. */
const client = connect(process.argv[2] ?? "", { token: () => "token", timeoutMs: 1e9 });
client.request("never.answered").catch(() => {});
client.on("*", () => void client.close());
process.disconnect?.();
