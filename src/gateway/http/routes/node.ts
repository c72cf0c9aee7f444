import { z } from "zod";
import { combinedMetrics } from "../../metrics/metrics.ts";
import type { ApiPorts } from "../ports.ts";
import { alias, type Route, route } from "../route.ts";
import { answering } from "../schemas.ts";
import { combineStats } from "./combined.ts";
import { statsReport } from "./reports.ts";

/** Routes about this node and the cluster. */
export function nodeRoutes(ports: ApiPorts): Route[] {
  const stats = statsRoute(ports);
  return [stats, alias(stats, "socketStats", `${ports.path}/stats`), nodesRoute(ports), metricsRoute(ports)];
}

const statsRoute = (ports: ApiPorts): Route =>
  route({
    name: "stats",
    access: "read",
    method: "get",
    path: "/stats",
    summary: "Statistics of this node since its start",
    gives: z.object({
      node: z.string(),
      uptimeSeconds: z.number(),
      draining: z.boolean(),
      connections: z.int(),
      cluster: z
        .object({ users: z.int(), connections: z.int() })
        .nullable()
        .meta({ description: "Online on all nodes; null while the backplane is unavailable." }),
      pending: z
        .object({ messages: z.int(), bytes: z.int() })
        .meta({ description: "Content of the send queues." }),
      waiting: z.int().meta({ description: "Requests and messages of clients in flight." }),
      published: z.object({ stored: z.int(), ephemeral: z.int() }),
      publishErrors: z.int(),
      delivered: z.int().meta({ description: "Messages handed to connections." }),
      dropped: z.int().meta({ description: "Messages that full send queues dropped." }),
      memory: z.object({ rss: z.int(), heapUsed: z.int() }).meta({ description: "Bytes." }),
      loopDelay: z
        .object({ p50: z.number(), p90: z.number(), p99: z.number(), max: z.number() })
        .meta({ description: "Delay of the event loop since /metrics was last read, in milliseconds." }),
      workers: answering
        .optional()
        .meta({ description: "Of `tidings serve --workers`: whose sums these are." }),
    }),
    async handle() {
      const { workers } = ports;
      if (workers === undefined) return statsReport(ports);
      return combineStats(workers.node, await workers.collect("stats"));
    },
  });

const nodesRoute = ({ backplane }: ApiPorts): Route =>
  route({
    name: "listNodes",
    access: "read",
    method: "get",
    path: "/nodes",
    summary: "The nodes of the cluster",
    gives: z.array(
      z.object({
        id: z.string(),
        ip_address: z.string(),
        port: z.int(),
        status: z.enum(["active", "draining"]),
        connections: z.int(),
        ageMs: z.int().meta({
          description: "Age of this entry in milliseconds. 0 for the node that is asked, which is exact.",
        }),
      }),
    ),
    async handle() {
      const nodes = await backplane.cluster.nodes();
      return nodes.map(({ id, ip, ...node }) => ({ id, ip_address: ip, ...node }));
    },
  });

const metricsRoute = ({ metrics, workers }: ApiPorts): Route =>
  route({
    name: "metrics",
    access: "read",
    method: "get",
    path: "/metrics",
    summary: "Metrics for Prometheus",
    mediaType: "text/plain",
    gives: z.string(),
    async handle() {
      const text =
        workers === undefined
          ? await metrics.render()
          : await combinedMetrics(await workers.collect("metrics"));
      return new Response(text, { headers: { "content-type": metrics.contentType } });
    },
  });
