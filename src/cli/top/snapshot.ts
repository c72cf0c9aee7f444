import { z } from "zod";

const quantiles = z.looseObject({ p50: z.number(), p99: z.number() }).nullable();

const Statistics = z.looseObject({
  since: z.number(),
  draining: z.boolean(),
  connections: z.number(),
  users: z.number(),
  groups: z.number(),
  rates: z.looseObject({
    received: z.number(),
    published: z.number(),
    delivered: z.number(),
    dropped: z.number(),
  }),
  latency: z.looseObject({ stored: quantiles, delivery: quantiles }),
  queues: z.looseObject({ bytes: z.number() }),
  waiting: z.number(),
  loop: z.looseObject({ utilization: z.number(), delay: z.looseObject({ p99: z.number() }) }),
  memory: z.looseObject({ rss: z.number() }),
  degraded: z.array(z.looseObject({ what: z.string(), why: z.string() })),
  refusal: z.string().nullable(),
});

/** The part of `GET /nodes/top` that the screen shows. A server of another version may send more. */
export const Snapshot = z.looseObject({
  at: z.number(),
  nodes: z.array(
    z.looseObject({
      node: z.string(),
      statistics: Statistics.optional(),
      error: z.looseObject({ message: z.string() }).optional(),
    }),
  ),
  groups: z.array(
    z.looseObject({ group: z.string(), messages: z.number(), deliveries: z.number(), nodes: z.number() }),
  ),
  connections: z.array(
    z.looseObject({
      id: z.string(),
      user: z.string(),
      platform: z.string(),
      node: z.string(),
      address: z.string(),
      connectedAt: z.number(),
      queue: z.looseObject({ bytes: z.number(), stalledMs: z.number() }),
    }),
  ),
  incomplete: z.string().nullable(),
});

export type Snapshot = z.output<typeof Snapshot>;
export type NodeRow = Snapshot["nodes"][number];
export type GroupRow = Snapshot["groups"][number];
export type ConnectionRow = Snapshot["connections"][number];
