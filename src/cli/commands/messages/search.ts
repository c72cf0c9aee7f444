import { Command, InvalidArgumentError } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseId } from "../../names.ts";
import { print, printable, printJson } from "../../output.ts";
import { parseTime, TIME } from "../../time.ts";
import { lineOf, Push } from "./line.ts";

/** Flags that are fields of the query. */
const FIELDS = ["user", "from", "to", "group", "type", "text", "since", "until", "limit", "cursor"] as const;

type SearchFlags = ApiFlags & Partial<Record<(typeof FIELDS)[number], string | number>>;

const Outcome = z.looseObject({
  kind: z.string(),
  node: z.string(),
  count: z.number().optional(),
  code: z.string().optional(),
  reason: z.string().optional(),
  from: z.string().optional(),
});

const Page = z.looseObject({
  messages: z.array(Push.extend({ state: z.string(), outcomes: z.array(Outcome) })),
  cursor: z.string().optional(),
});

/** The command `search`: prints messages of the message log, newest first. */
export function searchCommand(): Command {
  const command = new Command("search")
    .description("search the message log (setting messageLog), newest first")
    .option("--user <id>", "messages from this user, and to this user", parseId)
    .option("--from <id>", "messages from this user", parseId)
    .option("--to <id>", "messages to this user", parseId)
    .option("--group <id>", "messages to this group", parseId)
    .option("--type <type>", "messages of this type")
    .option("--text <text>", "messages with this text in their data, in any case of its letters")
    .option("--since <time>", `not before this time: ${TIME}`, parseTime)
    .option("--until <time>", "before this time, written like that of --since", parseTime)
    .option("--limit <count>", "messages at most, up to 200", parseCount, 50)
    .option("--cursor <cursor>", "continue after the page that printed this cursor");
  return addApiFlags(command, "admin").action(async (flags: SearchFlags) => {
    const query = new URLSearchParams();
    for (const name of FIELDS) if (flags[name] !== undefined) query.set(name, String(flags[name]));
    const page = await callApi(flags, `/messages?${query}`, Page);
    if (flags.json === true) return printJson(page);
    for (const message of page.messages) {
      print(`${lineOf(message)}  (${message.state})`);
      for (const outcome of message.outcomes) print(`  ${printable(outcomeLine(outcome))}`);
    }
    if (page.cursor !== undefined) print(`\nolder messages: --cursor ${page.cursor}`);
    else if (page.messages.length === 0) print("no messages");
  });
}

function outcomeLine({ kind, node, count, code, reason, from }: z.infer<typeof Outcome>): string {
  if (kind === "dropped") return `dropped for ${count} connections of ${node}`;
  if (kind === "failed") return `failed on ${node}: ${code}: ${reason}`;
  return `${kind} by ${from ?? "the application"} on ${node}`;
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number from 1.");
}
