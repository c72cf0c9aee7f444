import { z } from "zod";
import { printable } from "../../output.ts";

/** A message, as the API and the WebSocket give it. */
export const Push = z.looseObject({
  type: z.string(),
  data: z.unknown(),
  timestamp: z.number(),
  from: z.string().optional(),
  to: z.string().optional(),
  group: z.string().optional(),
  offset: z.number().optional(),
});

/** A message as one line: time, offset, type, sender and receiver, data. */
export function lineOf({ type, data, timestamp, from, to, group, offset }: z.infer<typeof Push>): string {
  const receiver = group === undefined ? (to ?? "everyone") : `group ${group}`;
  const facts = [
    new Date(timestamp).toISOString(),
    offset === undefined ? "-" : `#${offset}`,
    type,
    `${from ?? "(application)"} → ${receiver}`,
    data === undefined ? "" : JSON.stringify(data),
  ];
  return printable(facts.join("  ").trimEnd());
}
