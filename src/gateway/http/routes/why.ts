import { z } from "zod";
import { FINDING_CODES } from "../../../why/why.ts";
import type { ApiPorts } from "../ports.ts";
import { type Route, route } from "../route.ts";
import { group, user } from "../schemas.ts";

const time = z.int().meta({ description: "Milliseconds since 1970." });

const finding = z.object({
  code: z.enum(FINDING_CODES).meta({ description: "Stable: for programs." }),
  text: z.string().meta({ description: "For humans." }),
  at: time.optional(),
  node: z.string().optional(),
  connection: z.string().optional(),
  channel: z.string().optional(),
  message: z.string().optional().meta({ description: "Id of the message that it is about." }),
  count: z.int().optional().meta({ description: "How often, when more than once." }),
});

const story = z.object({
  id: z.string(),
  channel: z.string(),
  from: z.string().optional(),
  timestamp: time,
  offset: z.int().optional().meta({ description: "Absent: ephemeral." }),
  platforms: z.array(z.string()).optional(),
  except: z.array(z.string()).optional(),
  publisher: z
    .string()
    .optional()
    .meta({ description: "Node that published it, if its process still runs." }),
  nodes: z.array(
    z.object({
      node: z.string(),
      connections: z.int().optional().meta({ description: "That took it. Absent: no record of it." }),
      dropped: z.int().optional().meta({ description: "Full queues that refused it." }),
      receivers: z.int().meta({ description: "Connections that receive its channel now." }),
    }),
  ),
  history: z
    .object({
      state: z.enum(["retained", "deleted", "trimmed", "expired", "lost"]),
      first: z.int(),
      last: z.int(),
    })
    .optional()
    .meta({ description: "Of a stored message: whether the history still has it, and its offsets." }),
  acknowledged: z.array(
    z.object({
      user: z.string(),
      device: z.string(),
      offset: z.int().optional().meta({ description: "Last offset that it has acknowledged." }),
    }),
  ),
});

const connection = z.object({
  id: z.string(),
  user: z.string(),
  node: z.string(),
  platform: z.string(),
  device: z.string(),
  connectedAt: time,
  address: z.string(),
  receives: z.array(z.string()).meta({ description: "Channels asked about that it receives." }),
  replaying: z.array(z.string()).meta({ description: "Those of them that are being replayed to it." }),
  denied: z.array(z.object({ channel: z.string(), reason: z.string() })),
  pendingMessages: z.int(),
  pendingBytes: z.int(),
  stalledMs: z.int().meta({ description: "For how long its socket has taken nothing." }),
});

/** The route that explains why a message did not arrive. */
export const whyRoute = ({ why }: ApiPorts): Route =>
  route({
    name: "explain",
    access: "admin",
    method: "get",
    path: "/why",
    summary: "Why a message, or any message, did not come to a user; or where a message went",
    takes: z.object({
      message: z.string().min(1).max(255).optional().meta({ description: "Id of the message." }),
      user: user.optional().meta({ description: "User who misses it. Needed without `message`." }),
      group: group.optional().meta({ description: "Group whose messages the user misses." }),
    }),
    gives: z.object({
      user: z.string().optional(),
      findings: z.array(finding).meta({ description: "The most likely reason first." }),
      message: story.optional(),
      connections: z.array(connection).optional(),
      nodes: z.array(
        z.object({
          node: z.string(),
          recording: z.boolean().optional().meta({ description: "False without a flight recorder." }),
          since: time.optional().meta({ description: "Time of the oldest message that it remembers." }),
          error: z.string().optional().meta({ description: "Why it did not answer." }),
        }),
      ),
    }),
    handle: (query) => why.explain(query),
  });
