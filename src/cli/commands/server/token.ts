import { Command, InvalidArgumentError, Option } from "commander";
import { resolveConfig } from "../../../config/config.ts";
import { TidingsError } from "../../../protocol/protocol.ts";
import { addConfigFlags, configSources } from "../../config-flags.ts";
import { parseId } from "../../names.ts";
import { print, printJson } from "../../output.ts";

interface TokenFlags {
  user: string;
  expires?: number;
  platform?: string;
  json?: true;
}

/** Settings that decide which tokens the server accepts. */
const SIGNING: ReadonlySet<string> = new Set([
  "jwt.secret",
  "jwt.algorithms",
  "jwt.issuer",
  "jwt.audience",
  "jwt.userClaim",
  "jwt.requireExpiry",
  "jwt.lifetime",
  "jwt.maxLifetime",
  "security.allowWeakKeys",
]);

export function tokenCommand(): Command {
  const command = new Command("token")
    .description("create a token for a user, signed with JWT_SECRET")
    .requiredOption("--user <id>", "user of the token", parseId)
    .addOption(
      new Option(
        "--expires <duration>",
        "lifetime of the token: 90s, 15m, 1h, 7d or never (default: JWT_LIFETIME, 1h)",
      ).argParser(parseDuration),
    )
    .option("--platform <name>", "bind the token to a platform", parseId)
    .option("--json", "print JSON");
  addConfigFlags(command, ({ path }) => SIGNING.has(path));
  return command.action((flags: TokenFlags) => mintToken(command, flags));
}

async function mintToken(command: Command, { user, expires, platform, json }: TokenFlags): Promise<void> {
  const { jwt: options, security } = resolveConfig(configSources(command));
  if (options.secret === undefined) {
    throw new TidingsError("bad_request", "no secret to sign with: set JWT_SECRET to the server's secret");
  }
  const { jwt } = await import("../../../gateway/gateway.ts"); // here, so that the other commands start fast
  const authenticator = jwt({ ...options, ...security });
  const expiresInSeconds = expires === Number.POSITIVE_INFINITY ? null : expires;
  const token = await authenticator.mint?.({ user, platform, expiresInSeconds });
  if (token === undefined) throw new TidingsError("internal", "the authenticator cannot create tokens");
  if (json !== true) return print(token);
  const { expiresAt } = await authenticator.authenticate({ token });
  printJson({ token, user, platform, expiresAt });
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Parses `90s`, `15m`, `1h`, `7d` to seconds. `never` is infinity, because an option's value cannot be undefined. */
function parseDuration(text: string): number {
  if (text === "never") return Number.POSITIVE_INFINITY;
  const [, count, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError("Expected a duration such as 90s, 15m, 1h or 7d, or never.");
}
