import { Command } from "commander";
import {
  CONFIG_KEYS,
  type ExplainedConfig,
  explainServerConfig,
  getPath,
  maskConfig,
  valueText,
} from "../../../config/config.ts";
import { addConfigFlags, configSources } from "../../config-flags.ts";
import { formatTable, print, printJson } from "../../output.ts";

export function configCommand(): Command {
  const command = new Command("config")
    .description("show the effective configuration and the source of each value, with masked secrets")
    .option("--json", "print JSON");
  return addConfigFlags(command).action(() => {
    const explained = explainServerConfig(configSources(command));
    if (command.opts().json === true) printJsonConfig(explained);
    else printTable(explained);
  });
}

function printJsonConfig({ config, places }: ExplainedConfig): void {
  printJson({ config: maskConfig(config), sources: Object.fromEntries(places) });
}

function printTable({ config, places }: ExplainedConfig): void {
  const masked = maskConfig(config);
  const rows = CONFIG_KEYS.map((key) => {
    const value = getPath(masked, key.path);
    const isUnset = value === undefined || isEmpty(value);
    const text = isUnset ? (key.defaultText?.replaceAll("`", "") ?? "not set") : shorten(valueText(value));
    return [key.path, text, places.get(key.path) ?? ""];
  });
  print(formatTable(["KEY", "VALUE", "SOURCE"], rows));
}

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0;

const WIDEST = 60;

const shorten = (text: string): string => (text.length > WIDEST ? `${text.slice(0, WIDEST)}…` : text);
