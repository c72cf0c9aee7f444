import { Command, InvalidArgumentError, Option } from "commander";
import { type Grants, grantsProblem, TidingsError, type Verb } from "../../../protocol/protocol.ts";
import { addConfigFlags, configSources } from "../../config-flags.ts";
import { parseDuration } from "../../duration.ts";
import { parseJson } from "../../json.ts";
import { tokenAuthenticator } from "../../minting.ts";
import { parseId } from "../../names.ts";
import { print, printJson } from "../../output.ts";

interface TokenFlags {
  user: string;
  expires?: number;
  platform?: string;
  can: Grants;
  info?: unknown;
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
      ).argParser(parseLifetime),
    )
    .option("--platform <name>", "bind the token to a platform", parseId)
    .addOption(
      new Option(
        "--can <verb:channel>",
        "what the token permits, such as join:group:team-*; the verbs are join, send, history and presence (may be repeated)",
      )
        .argParser(parseGrant)
        .default({}, "nothing beyond the server's policy"),
    )
    .option("--info <json>", "data of the user in groups: a JSON value of at most 1 KiB", parseJson)
    .option("--json", "print JSON");
  addConfigFlags(command, ({ path }) => SIGNING.has(path));
  return command.action((flags: TokenFlags) => mintToken(command, flags));
}

async function mintToken(
  command: Command,
  { user, expires, platform, can, info, json }: TokenFlags,
): Promise<void> {
  const authenticator = await tokenAuthenticator(configSources(command));
  const expiresInSeconds = expires === Number.POSITIVE_INFINITY ? null : expires;
  const grants = Object.keys(can).length > 0 ? can : undefined;
  const token = await authenticator.mint?.({ user, platform, expiresInSeconds, can: grants, info });
  if (token === undefined) throw new TidingsError("internal", "the authenticator cannot create tokens");
  if (json !== true) return print(token);
  const { expiresAt } = await authenticator.authenticate({ token });
  printJson({ token, user, platform, expiresAt });
}

/** Adds `join:group:team-*` to the grants of earlier flags. */
function parseGrant(text: string, earlier: Grants): Grants {
  const [verb = ""] = text.split(":", 1);
  const patterns = earlier[verb as Verb] ?? []; // any text: grantsProblem refuses another one
  const can = { ...earlier, [verb]: [...patterns, text.slice(verb.length + 1)] };
  const problem = grantsProblem(can);
  if (problem === undefined) return can;
  throw new InvalidArgumentError(
    `Expected an operation and a channel, such as join:group:team-*. ${problem}.`,
  );
}

/** `never` is infinity, because an option's value cannot be undefined. */
function parseLifetime(text: string): number {
  return text === "never" ? Number.POSITIVE_INFINITY : parseDuration(text);
}
