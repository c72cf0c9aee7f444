import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Config, nodeId, resolveConfig } from "../config/config.ts";
import { addConfigFlags, configSources } from "./config-flags.ts";
import { print, printJson } from "./output.ts";
import { closeOnSignal } from "./signals.ts";

interface ServeFlags {
  json?: true;
  workers?: number;
}

const CLOSING = "closing: clients are told to come back later (a second signal ends at once)";

export function serveCommand(): Command {
  const command = new Command("serve")
    .description("start a server; without any setting it serves this machine, for development")
    .option("--json", "print where it listens as one line of JSON")
    .addOption(
      new Option(
        "--workers <count>",
        "processes that share the port, each a node: needs Redis; auto: one per core",
      )
        .env("TIDINGS_WORKERS")
        .argParser(parseWorkers),
    );
  return addConfigFlags(command).action(() => {
    const config = resolveConfig(configSources(command));
    const flags: ServeFlags = command.opts();
    return flags.workers === undefined ? serve(config, flags) : supervise(config, flags.workers, flags);
  });
}

async function serve(config: Config, { json }: ServeFlags): Promise<void> {
  const { createHub } = await import("../create-hub.ts"); // here, so that the other commands start fast
  const hub = createHub(config);
  const closing = closeOnSignal(() => hub.close(), { words: CLOSING });
  try {
    const { host, port, url } = await hub.listen();
    const { development, node } = hub;
    if (json === true) printJson({ event: "listening", host, port, url, node, development });
    else print(development ? developmentBanner(url, config.path) : banner(url, config));
  } catch (error) {
    // Whoever closes a hub that waits for its backplane knows why it does not start.
    if (!closing.hasBegun) throw error;
  }
}

async function supervise(config: Config, workers: number, { json }: ServeFlags): Promise<void> {
  const { Supervisor } = await import("./supervisor.ts");
  const supervisor = new Supervisor(config, workers);
  const onAbort = (): void => supervisor.kill();
  const closing = closeOnSignal(() => supervisor.stop(), { words: CLOSING, onAbort });
  try {
    const { host, port, url, development } = await supervisor.start();
    const node = nodeId(config);
    if (json === true) printJson({ event: "listening", host, port, url, node, development, workers });
    else
      print(
        `${development ? developmentBanner(url, config.path) : banner(url, config)}\nWorkers: ${workers}\n`,
      );
  } catch (error) {
    if (!closing.hasBegun) throw error;
  }
}

const MOST_WORKERS = 256;

function parseWorkers(text: string): number {
  if (text === "auto") return availableParallelism();
  const count = Number(text);
  if (/^\d{1,3}$/.test(text) && count >= 1 && count <= MOST_WORKERS) return count;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MOST_WORKERS}, or auto.`);
}

function developmentBanner(url: string, path: string): string {
  return `Tidings is listening on ${url}

  WebSocket  ${url.replace("http", "ws")}${path}?user_id=alice&platform=web
  page       ${url}/
  HTTP API   ${url}/openapi.json

Development mode: there is no secret, so everyone is who they say and only this machine is served.
Set JWT_SECRET to serve others.
`;
}

/** RFC 7518 section 3.2: the key of an HMAC must be as long as its hash, for HS256 32 bytes. */
const SECRET_BYTES = 32;

function banner(url: string, { path, jwt, apiKey }: Config): string {
  const lines = [
    `Tidings is listening on ${url}`,
    "",
    `  WebSocket  ${url.replace("http", "ws")}${path}?token=…`,
  ];
  if (jwt.secret !== undefined && Buffer.byteLength(jwt.secret) < SECRET_BYTES) {
    lines.push("", `warning: JWT_SECRET is shorter than ${SECRET_BYTES} bytes and may be guessed`);
  }
  if (apiKey === undefined) lines.push("", "The HTTP API is closed to callers until API_KEY is set.");
  return `${lines.join("\n")}\n`;
}
