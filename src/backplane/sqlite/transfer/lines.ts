import { z } from "zod";
import { TidingsError } from "../../../protocol/protocol.ts";
import { DATA, FORMAT } from "./export.ts";

const whole = z.int().min(0);
const position = { epoch: z.string(), offset: whole };

const Line = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("tidings"), format: z.literal(FORMAT), epoch: z.string() }),
  z.object({
    kind: z.literal("channel"),
    channel: z.string(),
    epoch: z.string(),
    lostAt: whole,
    last: whole,
  }),
  z.object({
    ...{ kind: z.literal("message"), channel: z.string(), offset: whole, id: z.string(), type: z.string() },
    ...{ from: z.string().optional(), timestamp: z.int(), data: z.unknown() },
    ...{ platforms: z.array(z.string()).optional(), except: z.array(z.string()).optional() },
    recipient: z.string().optional(),
    change: z.object({ at: z.int(), notice: whole, deleted: z.boolean() }).optional(),
  }),
  z.object({
    kind: z.literal("cursor"),
    channel: z.string(),
    user: z.string(),
    device: z.string(),
    ...position,
  }),
  z.object({ kind: z.literal("membership"), group: z.string(), user: z.string() }),
  z.object({ kind: z.literal("block"), user: z.string(), endsAt: whole }),
  z.object({ kind: z.literal("setting"), name: z.string(), value: z.string() }),
  z.object({
    ...{ kind: z.literal("key"), key: z.string(), receipt: z.string().optional(), expiresAt: whole },
    ...{ id: z.string().optional(), timestamp: z.int().optional() },
    ...{ epoch: z.string().optional(), offset: whole.optional() },
  }),
  z.object({ kind: z.literal("end"), lines: whole }),
]);

/** A line of an export. `body` is the data of a message, as it is written. */
export type Line = z.infer<typeof Line> & { readonly body: string };

/** @throws TidingsError `bad_request` that names the line */
export function parseLine(text: string, number: number): Line {
  const { success, data, error } = Line.safeParse(parsed(text));
  if (!success) {
    const [issue] = error.issues;
    const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
    throw wrongLine(number, `is no line of an export (${where}${issue?.message})`);
  }
  return { ...data, body: text.slice(text.indexOf(DATA) + DATA.length, text.lastIndexOf("}")) };
}

export const wrongLine = (number: number, problem: string): TidingsError =>
  new TidingsError("bad_request", `line ${number} ${problem}`);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
