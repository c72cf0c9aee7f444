import { z } from "zod";
import { DEGRADABLE } from "../../../backplane/backplane.ts";
import { TidingsError } from "../../../protocol/protocol.ts";
import { type ClusterView, clusterView, MAX_CONNECTIONS, MAX_GROUPS, MAX_TOP } from "../../nodes/nodes.ts";
import type { ApiPorts } from "../ports.ts";
import { type Route, route } from "../route.ts";
import { connectionId, node, whole } from "../schemas.ts";

/** Routes into the nodes of the cluster. Any node answers for any other. */
export function clusterRoutes(ports: ApiPorts): Route[] {
  const { questions, node: own, backplane } = ports;
  const view = clusterView({ questions, node: own, presence: backplane.presence });
  const takes = z.object({ node });
  return [
    route({
      name: "nodeStats",
      access: "admin",
      method: "get",
      path: "/nodes/:node/stats",
      summary: "Statistics of a node: of this moment, of the last seconds, and since its start",
      takes,
      gives: statistics,
      handle: ({ node }) => view.statistics(node),
    }),
    route({
      name: "busiestGroups",
      access: "admin",
      method: "get",
      path: "/nodes/:node/groups",
      summary: "Groups of a node with the most messages per second, the busiest first",
      takes: takes.extend({ busiest: whole(0, MAX_GROUPS).default(10).meta({ description: "How many." }) }),
      gives: z.object({ groups: z.array(z.object(rate)) }),
      handle: async ({ node, busiest }) => ({ groups: await view.busiestGroups(node, busiest) }),
    }),
    route({
      name: "slowestConnections",
      access: "admin",
      method: "get",
      path: "/nodes/:node/connections",
      summary:
        "Connections of a node with the most bytes in their send queues, the slowest first; those that keep up are left out",
      takes: takes.extend({
        slowest: whole(0, MAX_CONNECTIONS).default(10).meta({ description: "How many." }),
      }),
      gives: z.object({ connections: z.array(connectionReport) }),
      handle: async ({ node, slowest }) => ({ connections: await view.slowestConnections(node, slowest) }),
    }),
    route({
      name: "drainNode",
      access: "admin",
      method: "post",
      path: "/nodes/:node/drain",
      summary:
        "Drain a node: it refuses new clients and tells its own to reconnect; its process goes on, and takes clients again after a restart",
      takes,
      gives: z.object({ connections: z.int().meta({ description: "Connections when it began." }) }),
      handle: ({ node }) => view.drain(node),
    }),
    topRoute(view),
    connectionRoute(view),
  ];
}

const connectionRoute = (view: ClusterView): Route =>
  route({
    name: "getConnection",
    access: "admin",
    method: "get",
    path: "/connections/:connection",
    summary: "A connection of any node, with its send queue and its address",
    takes: z.object({ connection: connectionId }),
    gives: connectionReport,
    async handle({ connection: id }) {
      const found = await view.connection(id);
      if (found === undefined) throw new TidingsError("not_found", "no node has this connection");
      return found;
    },
  });

const topRoute = (view: ClusterView): Route =>
  route({
    name: "top",
    access: "admin",
    method: "get",
    path: "/nodes/top",
    summary: "All nodes at a glance, with the busiest groups and the slowest connections of the cluster",
    takes: z.object({
      busiest: whole(0, MAX_TOP).default(10).meta({ description: "How many groups." }),
      slowest: whole(0, MAX_TOP).default(10).meta({ description: "How many connections." }),
    }),
    gives: z.object({
      at: z.int().meta({ description: "Milliseconds since 1970." }),
      node: z.string().meta({ description: "The node that answers." }),
      users: z.int().nullable().meta({
        description:
          "Users online in the cluster, each counted once. Null: the backplane is unavailable. Those of the nodes count a user of two nodes twice.",
      }),
      nodes: z
        .array(
          z.object({
            node: z.string(),
            statistics: statistics.optional(),
            error: z
              .object({ code: z.string(), message: z.string() })
              .optional()
              .meta({ description: "Why the node has not answered." }),
          }),
        )
        .meta({ description: "Every node, with its statistics or an error." }),
      groups: z.array(
        z.object({ ...rate, nodes: z.int().meta({ description: "Nodes that tell of the group." }) }),
      ),
      connections: z.array(connectionReport),
      incomplete: z.string().nullable().meta({
        description: "Why there is this node only: the backplane is unavailable. Null: all were asked.",
      }),
    }),
    handle: ({ busiest, slowest }) => view.top({ groups: busiest, connections: slowest }),
  });

const rate = {
  group: z.string(),
  messages: z.number().meta({ description: "Messages per second that reached connections." }),
  deliveries: z
    .number()
    .meta({ description: "Messages per second, each counted once for every connection that took it." }),
};

/** A connection as operators see it. */
export const connectionReport = z.object({
  id: z.string(),
  user: z.string(),
  platform: z.string(),
  device: z.string(),
  node: z.string(),
  address: z.string().meta({ description: "Address of the client." }),
  connectedAt: z.int().meta({ description: "Milliseconds since 1970." }),
  groups: z.int().meta({ description: "Number of groups that it has joined." }),
  queue: z.object({
    messages: z.int(),
    bytes: z.int().meta({ description: "Bytes that the client has not taken." }),
    stalledMs: z
      .int()
      .meta({ description: "For how long it has taken nothing; 0 while it takes everything." }),
  }),
});

const perSecond = z.number();

const quantiles = z
  .object({ p50: z.number(), p90: z.number(), p99: z.number() })
  .nullable()
  .meta({ description: "Milliseconds, in the last seconds; null where nothing was measured." });

const statistics = z.object({
  node: z.string(),
  since: z.int().meta({ description: "Start, in milliseconds since 1970." }),
  draining: z.boolean(),
  connections: z.int(),
  users: z.int().meta({ description: "Users with a connection to this node." }),
  groups: z.int().meta({ description: "Groups with a member on this node." }),
  rates: z
    .object({
      windowMs: z.int().meta({ description: "Length of the window, in milliseconds." }),
      received: perSecond.meta({ description: "Messages and requests of clients." }),
      published: perSecond,
      delivered: perSecond.meta({ description: "Messages handed to connections." }),
      dropped: perSecond.meta({ description: "Messages that full send queues dropped." }),
      connects: perSecond,
      disconnects: perSecond,
    })
    .meta({ description: "Per second, on average of the last seconds." }),
  latency: z.object({
    stored: quantiles,
    ephemeral: quantiles,
    delivery: quantiles,
  }),
  queues: z
    .object({ connections: z.int(), bytes: z.int() })
    .meta({ description: "Clients that are slower than their messages come, and bytes that wait for them." }),
  waiting: z.int().meta({ description: "Requests and messages of clients in flight." }),
  slow: z
    .object({ dropped: z.int(), waited: z.int(), closed: z.int(), cut: z.int() })
    .meta({ description: "Since the start: messages that met a full queue, and connections cut for it." }),
  disconnects: z
    .record(z.string(), z.int())
    .meta({ description: "Connections that ended since the start, by cause." }),
  denied: z
    .record(z.string(), z.int())
    .meta({ description: "What limits of clients have refused since the start, by limit." }),
  loop: z.object({
    utilization: z
      .number()
      .meta({ description: "Share of the time in which the event loop worked, in percent." }),
    delay: z
      .object({ p50: z.number(), p90: z.number(), p99: z.number(), max: z.number() })
      .meta({ description: "Delay of the event loop, in milliseconds." }),
  }),
  memory: z.object({ rss: z.int(), heapUsed: z.int() }).meta({ description: "Bytes." }),
  degraded: z.array(z.object({ what: z.enum(DEGRADABLE), why: z.string(), since: z.int() })),
  refusal: z
    .string()
    .nullable()
    .meta({ description: "Why the node refuses new connections; null while it admits them." }),
});
