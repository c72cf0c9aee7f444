import { join } from "node:path";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import type { WebSocketConstructor } from "../../src/client/client.ts";
import { jwt } from "../../src/index.ts";
import { Observed } from "../client/harness.ts";
import { REPOSITORY } from "../support/repository.ts";
import { needs } from "../support/tools.ts";
import { Program } from "./program.ts";

needs("nginx");
needs("redis-server");
needs("openssl");

const SECRET = "a secret of at least thirty-two bytes";
const tokens = jwt({ secret: SECRET });

const START = join(REPOSITORY, "examples/cluster/start.ts");

/** The example as it runs: two nodes behind nginx, on free ports. */
export class Cluster {
  readonly program: Program;

  constructor(balance: string) {
    const env = {
      REDIS_URL: undefined, // The example's own, whatever the tests are run with.
      LOG_LEVEL: "warn",
      JWT_SECRET: SECRET,
      HISTORY_COUNT: "100000", // No client is offline for longer, however slow the machine is.
      SHUTDOWN_RECONNECT_SPREAD_MS: "200",
    };
    this.program = new Program(process.execPath, [START, balance, "--free-ports"], { env });
    onTestFinished(async () => void (await this.stop()));
  }

  /** Reads an address that the example prints when it is up. */
  where(name: "WebSocket" | "with TLS" | "ready" | "node a" | "node b" | "files"): Promise<string> {
    return this.program.prints(new RegExp(`^ +${name} +([^\\s?]+)`, "m"));
  }

  /** Ends a node with a signal, and waits until the example has started it again. */
  async restart(node: "a" | "b", signal: NodeJS.Signals): Promise<void> {
    const pids = [...this.program.output.matchAll(new RegExp(`^\\[${node}\\] pid (\\d+)$`, "gm"))];
    process.kill(Number(pids.at(-1)?.[1]), signal);
    const listening = `^\\[${node}\\] {"event":"listening"[^]*`;
    await this.program.prints(new RegExp(listening.repeat(pids.length + 1), "m"));
  }

  /** As Ctrl-C does. @returns the exit code */
  async stop(): Promise<number | undefined> {
    this.program.terminate();
    return await this.program.ended;
  }
}

/** A client that sits at this address of the machine, connected. */
export async function clientAt(address: string, url: string): Promise<Observed> {
  const WebSocket = socketsFrom(address);
  const token = await tokens.mint?.({ user: address, can: { join: ["group:*"] } });
  const client = new Observed(url, {
    user: undefined,
    token,
    WebSocket,
    reconnect: { minMs: 50, maxMs: 500 },
  });
  onTestFinished(() => client.client.close());
  await client.client.ready;
  return client;
}

function socketsFrom(localAddress: string): WebSocketConstructor {
  return class extends WebSocket {
    constructor(url: string, protocol: string) {
      // The certificate is self-signed: the example makes it at the start.
      super(url, protocol, { localAddress, rejectUnauthorized: false });
    }
  };
}
