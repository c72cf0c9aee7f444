import { Command, InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseId } from "../../names.ts";
import { print, printJson } from "../../output.ts";
import { parseTime, TIME } from "../../time.ts";
import { channelOf } from "./change.ts";
import { lineOf, Push } from "./line.ts";

interface HistoryFlags extends ApiFlags {
  user?: string;
  group?: string;
  before?: number;
  since?: number;
  limit: number;
}

const Page = z.looseObject({ messages: z.array(Push), more: z.boolean() });

/** The command `history`: prints the newest messages of a channel, oldest first. */
export function historyCommand(): Command {
  const command = new Command("history")
    .description("print the newest messages of a user, a group or everyone, oldest first")
    .addOption(new Option("--user <id>", "messages to this user").conflicts("group").argParser(parseId))
    .option("--group <id>", "messages to this group; without --user and --group those to everyone", parseId)
    .option("--before <offset>", "only messages before this offset", parseCount)
    .option("--since <time>", `only messages since this time: ${TIME}`, parseTime)
    .option("--limit <count>", "messages at most, up to 200", parseCount, 50);
  return addApiFlags(command, "read").action(async (flags: HistoryFlags) => {
    const query = new URLSearchParams({ channel: channelOf(flags), limit: String(flags.limit) });
    if (flags.before !== undefined) query.set("before", String(flags.before));
    if (flags.since !== undefined) query.set("since", String(flags.since));
    const page = await callApi(flags, `/history?${query}`, Page);
    if (flags.json === true) return printJson(page);
    for (const push of page.messages) print(lineOf(push));
    const first = page.messages[0]?.offset;
    if (page.more && first !== undefined) print(`\nolder messages: --before ${first}`);
    else if (page.messages.length === 0) print("no messages");
  });
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number from 1.");
}
