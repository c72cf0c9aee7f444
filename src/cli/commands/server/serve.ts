import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  type Config,
  explainServerConfig,
  MIN_SECRET_BYTES,
  nodeId,
  resolveConfig,
} from "../../../config/config.ts";
import { addConfigFlags, configSources } from "../../config-flags.ts";
import { printJson } from "../../output.ts";
import { makeServing } from "../../serving.ts";
import { closeOnSignal, rereadOnHangup } from "../../workers/signals.ts";

interface ServeFlags {
  json?: true;
  workers?: number;
}

const CLOSING = "closing: draining the clients (a second signal ends the process at once)";

export function serveCommand(): Command {
  const command = new Command("serve")
    .description("start a server; without settings it runs in development mode, for this machine only")
    .option("--json", "print the address as one line of JSON")
    .addOption(
      new Option(
        "--workers <count>",
        "number of worker processes that share the port, each a node (requires Redis); auto: one per core",
      )
        .env("TIDINGS_WORKERS")
        .argParser(parseWorkers),
    );
  return addConfigFlags(command).action(() => {
    const flags: ServeFlags = command.opts();
    const { workers } = flags;
    // Workers are nodes, which share nothing but Redis.
    if (workers !== undefined) return supervise(() => resolveConfig(configSources(command)), workers, flags);
    return serve(() => explainServerConfig(configSources(command)).config, flags);
  });
}

async function serve(read: () => Config, { json }: ServeFlags): Promise<void> {
  const config = read();
  const { hubWith } = await import("../../../create-hub.ts"); // here, so that the other commands start fast
  const { hub, ready, close } = await makeServing(config, hubWith);
  const closing = closeOnSignal(close, { message: CLOSING });
  rereadOnHangup(() => hub.updateConfig({ limits: read().limits }));
  try {
    await ready;
    const { host, port, url, grpc } = await hub.listen();
    const { development, node } = hub;
    if (json === true) printJson({ event: "listening", host, port, url, node, development, grpc });
    else {
      const text = development ? developmentBanner(url, config) : banner(url, config);
      printBanner(grpc === undefined ? text : `${text}\ngRPC: ${new URL(grpc.url).host}\n`);
    }
  } catch (error) {
    // A signal closed the hub while it waited for its backplane, so the failed start is expected.
    if (!closing.hasBegun) throw error;
  }
}

async function supervise(read: () => Config, workers: number, { json }: ServeFlags): Promise<void> {
  const config = read();
  const { Supervisor } = await import("../../workers/supervisor.ts");
  const supervisor = new Supervisor(config, workers);
  const onAbort = (): void => supervisor.kill();
  const closing = closeOnSignal(() => supervisor.stop(), { message: CLOSING, onAbort });
  rereadOnHangup(() => supervisor.limit(read().limits));
  try {
    const { host, port, url, development } = await supervisor.start();
    const node = nodeId(config);
    if (json === true) printJson({ event: "listening", host, port, url, node, development, workers });
    else {
      const text = development ? developmentBanner(url, config) : banner(url, config);
      printBanner(`${text}\nWorkers: ${workers}\n`);
    }
  } catch (error) {
    if (!closing.hasBegun) throw error;
  }
}

/** Words for the person go to standard error: standard output has the log, one document of JSON a line. */
const printBanner = (text: string): void => void process.stderr.write(`${text}\n`);

const MAX_WORKERS = 256;

function parseWorkers(text: string): number {
  if (text === "auto") return availableParallelism();
  const count = Number(text);
  if (/^\d{1,3}$/.test(text) && count >= 1 && count <= MAX_WORKERS) return count;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MAX_WORKERS}, or auto.`);
}

function developmentBanner(url: string, { path, development: { networks }, http }: Config): string {
  const served =
    networks.length === 0 ? "serves only this machine" : `serves ${networks.join(", ")} and this machine`;
  return `Tidings is listening on ${url}

  WebSocket  ${url.replace("http", "ws")}${path}?user_id=alice&platform=web
${http.pages ? `  pages      ${url}/\n` : ""}  HTTP API   ${url}/openapi.json

Development mode: without a secret the server trusts every user id, and ${served}.
Set JWT_SECRET to serve other machines.
`;
}

function banner(url: string, { path, jwt, apiKey, apiKeys, http }: Config): string {
  const lines = [
    `Tidings is listening on ${url}`,
    "",
    `  WebSocket  ${url.replace("http", "ws")}${path}?token=…`,
    ...(http.pages ? [`  pages      ${url}/`] : []),
  ];
  if (jwt.secret !== undefined && Buffer.byteLength(jwt.secret) < MIN_SECRET_BYTES) {
    lines.push("", `warning: JWT_SECRET is shorter than ${MIN_SECRET_BYTES} bytes, so it can be guessed`);
  }
  if (apiKey === undefined && apiKeys.length === 0) {
    lines.push("", "The HTTP API accepts no calls until API_KEY or API_KEYS is set.");
  }
  return `${lines.join("\n")}\n`;
}
