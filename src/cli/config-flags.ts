import { type Command, Option } from "commander";
import { CONFIG_KEYS, type ConfigSources, defaultText, headingOf, type NamedKey } from "../config/config.ts";
import { TidingsError } from "../protocol/protocol.ts";

/** Adds `--config FILE` and a flag for every accepted key. */
export function addConfigFlags(command: Command, accept: (key: NamedKey) => boolean = () => true): Command {
  command.option("--config <file>", "YAML or JSON file with settings");
  for (const key of CONFIG_KEYS.filter(accept)) command.addOption(flagOf(key));
  if (CONFIG_KEYS.some((key) => key.path === "redis" && accept(key))) {
    command.addOption(new Option("--no-data", "keep everything in memory").helpGroup("Server:"));
  }
  // configSources reports unknown flags together with invalid values.
  return command.allowUnknownOption().allowExcessArguments();
}

function flagOf(key: NamedKey): Option {
  const value = defaultText(key).replaceAll("`", "");
  const facts = [value === "" ? "" : `default: ${value}`, `env: ${key.env}`].filter((fact) => fact !== "");
  const doc = `${key.doc.replaceAll("`", "")} (${facts.join(", ")})`;
  return new Option(`--${key.flag} ${placeholder(key)}`, doc).helpGroup(`${headingOf(key)}:`);
}

function placeholder({ schema, unit }: NamedKey): string {
  if (schema.safeParse(true).success) return "[boolean]"; // without a value the flag means true
  return unit === "s" ? "<seconds>" : `<${unit ?? "value"}>`;
}

/**
 * Collects the configuration sources of a command: its flags, the environment, and the file of `--config`.
 * @param named arguments that the command itself takes, before its flags are read
 * @throws TidingsError `bad_request` for arguments that belong to no flag
 */
export function configSources(command: Command, named = 0): ConfigSources {
  const given: Record<string, unknown> = command.opts();
  const flags: Record<string, unknown> = {};
  for (const option of command.options) {
    const name = option.long?.slice(2) ?? "";
    if (CONFIG_KEYS.some((key) => key.flag === name)) flags[name] = given[option.attributeName()];
  }
  const unknown = command.args.filter((word) => word.startsWith("-"));
  for (const word of unknown) flags[word.replace(/^-+/, "").replace(/=.*/s, "")] = true;
  if (unknown.length === 0 && command.args.length > named) {
    // The argument is not shown: it may be a secret whose flag has a typing error.
    throw new TidingsError("bad_request", "expected flags only, got an argument without a flag");
  }
  const file = typeof given.config === "string" ? given.config : undefined;
  return { flags, env: process.env, file };
}
