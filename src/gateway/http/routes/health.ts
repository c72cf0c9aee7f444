import { z } from "zod";
import { DEGRADABLE } from "../../../backplane/backplane.ts";
import { answeringIn } from "../../workers.ts";
import { hasAccess } from "../access.ts";
import type { ApiPorts } from "../ports.ts";
import { alias, type Route, route } from "../route.ts";
import { answering, failure } from "../schemas.ts";
import { combineHealth, combineReady } from "./combined.ts";
import { healthReport, readyReport } from "./reports.ts";

/** Routes for load balancers and orchestrators, which need no key. */
export function healthRoutes(ports: ApiPorts): Route[] {
  const health = healthRoute(ports);
  return [
    health,
    alias(health, "socketHealth", `${ports.path}/health`),
    readyRoute(ports),
    socketRoute(ports),
  ];
}

const healthRoute = (ports: ApiPorts): Route =>
  route({
    name: "health",
    method: "get",
    path: "/health",
    summary: "Liveness of the process",
    access: "open",
    gives: z.object({
      status: z.literal("healthy"),
      is_running: z.boolean().meta({ description: "False once the node is closing." }),
      websocket_count: z.int().optional().meta({ description: WITH_KEY }),
      node_id: z.string().optional().meta({ description: WITH_KEY }),
      workers: answering.optional().meta({ description: WITH_KEY }),
    }),
    async handle(_input, { req, env }) {
      const { node, development, workers } = ports;
      const collected = await workers?.collect("health");
      const { is_running, websocket_count } =
        collected === undefined ? healthReport(ports) : combineHealth(collected);
      const answer = { status: "healthy" as const, is_running };
      if (!development && !hasAccess(req.raw, env?.address, "any", ports)) return answer;
      const whose = collected === undefined ? {} : { workers: answeringIn(collected) };
      return { ...answer, websocket_count, node_id: workers?.node ?? node, ...whose };
    },
  });

const WITH_KEY = "Outside development mode only with the API key.";

const degradation = z.object({
  what: z.enum(DEGRADABLE).meta({ description: "Part of the service that does not work as it should." }),
  why: z.string().meta({ description: "For humans." }),
  since: z.int().meta({ description: "Milliseconds since 1970." }),
});

/** 503 only when this node (each worker, where there are several) cannot admit clients or reach the other nodes, or drains. Everything less is degraded. */
const readyRoute = (ports: ApiPorts): Route =>
  route({
    name: "ready",
    method: "get",
    path: "/ready",
    summary: "Readiness of this node for traffic: 200, also while degraded, or 503 with the reasons",
    access: "open",
    statuses: [200, 503],
    gives: z.object({ ready: z.boolean(), reasons: z.array(z.string()), degraded: z.array(degradation) }),
    async handle() {
      const collected = await ports.workers?.collect("ready");
      const { reasons, degraded } =
        collected === undefined ? await readyReport(ports) : combineReady(collected);
      const ready = reasons.length === 0;
      return Response.json({ ready, reasons, degraded }, { status: ready ? 200 : 503 });
    },
  });

/** Answers a request without upgrade at the path of WebSockets (RFC 9110 section 15.5.22). */
const socketRoute = ({ path: below }: ApiPorts): Route => {
  const path = below === "" ? "/" : below;
  return route({
    name: "connect",
    method: "get",
    path,
    summary: "Path of WebSockets (see docs/PROTOCOL.md); any other request gets 426",
    access: "open",
    statuses: [426],
    gives: failure,
    handle() {
      const error = {
        code: "bad_request",
        message: `${path} is for WebSockets: connect with ws:// or wss://`,
      };
      const headers = { upgrade: "websocket", connection: "upgrade" };
      return Response.json({ error }, { status: 426, headers });
    },
  });
};
