import { Command, InvalidArgumentError, Option } from "commander";
import { resolveConfig } from "../../../config/config.ts";
import { TidingsError } from "../../../protocol/protocol.ts";
import { addConfigFlags, configSources } from "../../config-flags.ts";
import { print, printJson } from "../../output.ts";

interface TokenFlags {
  user: string;
  expires: number;
  platform?: string;
  json?: true;
}

/** The settings that say how a token must look to be accepted. */
const SIGNING: ReadonlySet<string> = new Set([
  "jwt.secret",
  "jwt.algorithms",
  "jwt.issuer",
  "jwt.audience",
  "jwt.userClaim",
]);

export function tokenCommand(): Command {
  const command = new Command("token")
    .description("make a token for a user, signed with JWT_SECRET")
    .requiredOption("--user <id>", "whom the token is for")
    .addOption(
      new Option("--expires <duration>", "how long it is good for: 90s, 15m, 1h, 7d or never")
        .argParser(parseDuration)
        .default(3600, "1h"),
    )
    .option("--platform <name>", "bind the token to a platform")
    .option("--json", "print JSON");
  addConfigFlags(command, ({ path }) => SIGNING.has(path));
  return command.action((flags: TokenFlags) => mintToken(command, flags));
}

async function mintToken(command: Command, { user, expires, platform, json }: TokenFlags): Promise<void> {
  const { jwt: options } = resolveConfig(configSources(command));
  if (options.secret === undefined) {
    throw new TidingsError("bad_request", "no secret to sign with: set JWT_SECRET to the one of the server");
  }
  const { jwt } = await import("../../../gateway/gateway.ts"); // here, so that the other commands start fast
  const authenticator = jwt(options);
  const expiresInSeconds = Number.isFinite(expires) ? expires : undefined;
  const token = await authenticator.mint?.({ user, platform, expiresInSeconds });
  if (token === undefined) throw new TidingsError("internal", "the secret did not sign");
  if (json !== true) return print(token);
  const { expiresAt } = await authenticator.authenticate({ token });
  printJson({ token, user, platform, expiresAt });
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `90s`, `15m`, `1h`, `7d` in seconds; `never` is infinite (an option's value cannot be undefined). */
function parseDuration(text: string): number {
  if (text === "never") return Number.POSITIVE_INFINITY;
  const [, count, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError("Expected a duration such as 90s, 15m, 1h or 7d, or never.");
}
