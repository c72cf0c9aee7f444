import { Command, InvalidArgumentError } from "commander";
import { z } from "zod";
import { valueText } from "../../../config/config.ts";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { formatTable, print, printJson } from "../../output.ts";

const settings = z.record(z.string(), z.unknown());
const Limits = z.looseObject({ limits: settings, changes: settings });

export function limitsCommand(): Command {
  const command = new Command("limits")
    .description("show the limits of clients, or change them on all nodes while they run")
    .argument(
      "[changes]",
      'any part of limits as JSON, such as {"messagesPerUser":"100-S"}: takes the place of earlier changes; {} ends them',
      parseChanges,
    );
  return addApiFlags(command, "admin").action(async (changes: object | undefined, flags: ApiFlags) => {
    const reply = await callApi(flags, "/limits", Limits, changes, "PUT");
    if (flags.json === true) return printJson(reply);
    const changed = new Set(leavesOf(reply.changes).map(([path]) => path));
    const rows = leavesOf(reply.limits).map(([path, value]) => [
      path,
      value,
      changed.has(path) ? "changed" : "",
    ]);
    print(formatTable(["LIMIT", "VALUE", ""], rows));
  });
}

function parseChanges(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // as below
  }
  throw new InvalidArgumentError('Expected a JSON object such as {"messagesPerUser":"100-S"}.');
}

/** Paths and values, as the configuration names them; `http` is the only group. */
function leavesOf({ http, ...others }: Record<string, unknown>): [path: string, value: string][] {
  const below = Object.entries((http ?? {}) as object).map(
    ([name, value]) => [`http.${name}`, value] as const,
  ); // JSON
  return [...below, ...Object.entries(others)].map(([path, value]) => [path, valueText(value)]);
}
