import { type Command, InvalidArgumentError, Option } from "commander";
import { parseDuration } from "../../duration.ts";
import { SCENARIOS } from "./names.ts";

/** Flags of `tidings bench`. For one that is not given each scenario has a value of its own. */
export interface BenchFlags {
  readonly scenario?: readonly string[];
  readonly raw?: true;
  readonly template?: string;
  readonly connections: number;
  readonly ramp: number;
  readonly connectTimeout: number;
  readonly sources?: string;
  readonly workers?: number;
  readonly probe?: number;
  readonly rate?: number;
  /** Seconds. */
  readonly duration?: number;
  readonly warmup?: number;
  readonly size: number;
  readonly ephemeral?: true;
  readonly via: "socket" | "http";
  readonly groups?: number;
  readonly members?: number;
  readonly senders?: number;
  readonly spread: number;
  readonly churn: number;
  readonly path: string;
  readonly secret?: string;
  readonly token: readonly string[];
  readonly tokens?: string;
  readonly apiKey?: string;
  /** A URL, or false for `--no-metrics`. */
  readonly metrics?: string | false;
  readonly json?: string;
  readonly html?: string;
  readonly maxP99?: number;
  readonly maxP999?: number;
  readonly maxConnectP99?: number;
  readonly iOwnThisServer?: true;
}

/** The longest run, in seconds: a load tester that was forgotten must end some day. */
const MOST_SECONDS = 7 * 86_400;

/** Adds the flags of `tidings bench`. */
export function addBenchFlags(command: Command): Command {
  addLoad(command);
  addServer(command);
  return addReport(command);
}

function addLoad(command: Command): void {
  const add = adder(command, "Load:");
  add(
    "--scenario <names>",
    `what to run, with commas: ${SCENARIOS.join(", ")} (default: connect,fanout,direct,chat; with --raw connect,echo)`,
    parseNames,
  );
  add("-c, --connections <number>", "connections of the run", number(1, 1_000_000), 1_000);
  add("--ramp <number>", "connects per second", number(1, 100_000), 500);
  add(
    "--connect-timeout <duration>",
    "give a connection up after this time, attempts included",
    seconds,
    30,
    "30s",
  );
  add(
    "--rate <number>",
    "messages per second of all senders together, whatever the server answers (default: 10 for fanout, 100 for chat, 50 for soak, 200 for storm, else 1,000)",
    real(0.01, 10_000_000),
  );
  add(
    "--duration <duration>",
    "how long to send, or to be idle (default: 10s; idle 30s, storm 15s, soak 10m)",
    seconds,
  );
  add(
    "--warmup <duration>",
    "messages of this time at the beginning are checked but not timed (default: 1s, at most a fifth of the duration)",
    seconds,
  );
  add("--size <bytes>", "length of a message's data", number(64, 1_000_000), 128);
  command.addOption(
    new Option(
      "--ephemeral",
      "send ephemeral messages; by default they are stored, as the server's own default is",
    ).helpGroup("Load:"),
  );
  command.addOption(
    new Option(
      "--via <way>",
      "how messages go in: over WebSockets, or the HTTP API (needs --api-key, but in development mode)",
    )
      .choices(["socket", "http"])
      .default("socket")
      .helpGroup("Load:"),
  );
  add("--groups <number>", "groups of chat and soak (default: connections by members)", number(1, 1_000_000));
  add(
    "--members <number>",
    "connections in a group of chat and soak (default: 10, or connections by groups)",
    number(1, 1_000_000),
  );
  add("--senders <number>", "senders in each group (default: 10; fanout and broadcast 1)", number(1, 10_000));
  add("--spread <duration>", "clients that were cut in a storm come back within this time", seconds, 1, "1s");
  add("--churn <number>", "connections per second that a soak cuts and opens again", real(0, 10_000), 1);
  add("--workers <number>", "processes of the tester (default: one for 5,000 connections)", number(1, 1_000));
  add(
    "--sources <addresses>",
    "loopback addresses to connect from, as a number, or addresses of this machine with commas between them (default: as many as 5,000 connections each need)",
  );
}

function addServer(command: Command): void {
  const add = adder(command, "Server:");
  add("--path <path>", "WebSocket path of the server", undefined, "/ws");
  command.addOption(
    new Option("--secret <secret>", "secret of the server: signs a token for each user")
      .env("JWT_SECRET")
      .helpGroup("Server:"),
  );
  add(
    "--token <token>",
    "token of a user; may be repeated. Without --secret and tokens, clients log in by a name (development mode)",
    (text: string, earlier: string[]) => [...earlier, text],
    [],
    "none",
  );
  add("--tokens <file>", "file with tokens, one a line");
  command.addOption(
    new Option(
      "--key, --api-key <key>",
      "API key of the server, for its metrics (scope read) and --via http (scope publish)",
    )
      .env("API_KEY")
      .helpGroup("Server:"),
  );
  add("--metrics <url>", "URL of the server's metrics, for one URL (default: /metrics of each)");
  command.addOption(new Option("--no-metrics", "do not read the server's metrics").helpGroup("Server:"));
  command.addOption(
    new Option("--raw", "the URLs are WebSockets of any server: connect, idle, echo, broadcast").helpGroup(
      "Server:",
    ),
  );
  add(
    "--template <text>",
    "text of a message for --raw; {marker} stands for what the tester recognises in what comes back",
    undefined,
    "{marker}",
  );
  command.addOption(
    new Option(
      "--i-own-this-server",
      "allow a target that is not on this machine: a load test of somebody else's server is an attack",
    ).helpGroup("Server:"),
  );
}

function addReport(command: Command): Command {
  const add = adder(command, "Report:");
  add("--json <file>", "write the report as JSON; - for standard output");
  add("--html <file>", "write the report as a page with charts, in one file");
  add(
    "--probe <number>",
    "report how long requests of one more client, and calls of the HTTP API, wait meanwhile: so many of both per second (default: none)",
    real(0.1, 1_000),
  );
  add("--max-p99 <ms>", "fail when the 99th percentile of the latency is above", real(0, 1e9));
  add("--max-p999 <ms>", "fail when the 99.9th percentile of the latency is above", real(0, 1e9));
  add("--max-connect-p99 <ms>", "fail when the 99th percentile of connecting is above", real(0, 1e9));
  return command;
}

type Add = <Value>(
  flags: string,
  description: string,
  parse?: (text: string, earlier: never) => Value,
  initial?: unknown,
  shown?: string,
) => void;

const adder =
  (command: Command, group: string): Add =>
  (flags, description, parse, initial, shown) => {
    const option = new Option(flags, description).helpGroup(group);
    if (parse !== undefined) option.argParser(parse as (text: string, earlier: unknown) => unknown); // the earlier value is of its type
    if (initial !== undefined) option.default(initial, shown);
    command.addOption(option);
  };

function parseNames(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !SCENARIOS.some((each) => each === name));
  if (unknown === undefined) return names;
  throw new InvalidArgumentError(`There is no "${unknown}". Expected some of ${SCENARIOS.join(", ")}.`);
}

function seconds(text: string): number {
  const value = parseDuration(text);
  if (value <= MOST_SECONDS) return value;
  throw new InvalidArgumentError("Expected at most 7d.");
}

const real =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected a number from ${least} to ${most}.`);
  };

const number =
  (least: number, most: number) =>
  (text: string): number => {
    const value = real(least, most)(text);
    if (Number.isInteger(value)) return value;
    throw new InvalidArgumentError("Expected a whole number.");
  };
