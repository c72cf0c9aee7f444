import { Command } from "commander";
import { type Config, resolveConfig } from "../config/config.ts";
import { addConfigFlags, configSources } from "./config-flags.ts";
import { print, printFailure, printJson } from "./output.ts";

export function serveCommand(): Command {
  const command = new Command("serve")
    .description("start a server; without any setting it serves this machine, for development")
    .option("--json", "print where it listens as one line of JSON");
  return addConfigFlags(command).action(() => serve(command));
}

async function serve(command: Command): Promise<void> {
  const config = resolveConfig(configSources(command));
  const { createHub } = await import("../hub.ts"); // here, so that the other commands start fast
  const hub = createHub(config);
  closeOnSignal(() => hub.close());
  const { host, port, url } = await hub.listen();
  const { development, node } = hub;
  if (command.opts().json === true) printJson({ event: "listening", host, port, url, node, development });
  else print(development ? developmentBanner(url, config.path) : banner(url, config));
}

/** The first signal closes in good order, a second one ends the process at once. */
function closeOnSignal(close: () => Promise<void>): void {
  let closing = false;
  const onSignal = (_: NodeJS.Signals, number: number): void => {
    if (closing) process.exit(128 + number);
    closing = true;
    process.stderr.write("closing: clients are told to come back later (a second signal ends at once)\n");
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        printFailure(error, false);
        process.exit(1);
      },
    );
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, onSignal);
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
