import { z } from "zod";
import { maskConfig } from "../../../config/config.ts";
import { findGroups, findUsers, historyOf, MAX_NAMES, SERIES, sessionsOf } from "../../nodes/nodes.ts";
import type { ApiPorts, ConsoleLogins } from "../ports.ts";
import { type Route, route } from "../route.ts";
import { node, user, whole } from "../schemas.ts";
import { connectionReport } from "./cluster.ts";

/** Routes for what the console shows and no other route tells. */
export const consoleRoutes = (ports: ApiPorts): Route[] => [
  historyRoute(ports),
  ...pageRoutes(ports),
  sessionsRoute(ports),
  ...(ports.consoles === undefined ? [] : [loginRoute(ports.consoles)]),
  ...(ports.config === undefined ? [] : [configRoute(ports.config)]),
];

const loginRoute = (consoles: ConsoleLogins): Route =>
  route({
    name: "openConsole",
    access: "admin",
    method: "post",
    path: "/console/session",
    summary: "A token with which a console logs in at the WebSocket, to watch the cluster by console.watch",
    takes: z.object({
      console: z
        .string()
        .optional()
        .meta({ description: "User of an earlier token, whose login goes on. Default: a new one." }),
    }),
    gives: z.object({
      token: z.string(),
      user: z.string(),
      expiresAt: z.int().meta({ description: "Milliseconds since 1970." }),
    }),
    handle: ({ console: known }) => consoles.mint(known),
  });

const configRoute = (config: NonNullable<ApiPorts["config"]>): Route =>
  route({
    name: "getConfig",
    access: "admin",
    method: "get",
    path: "/config",
    summary: "The configuration in force on this node, without its secrets",
    gives: z.object({ config: z.looseObject({}).meta({ description: "By section and setting." }) }),
    handle: () => ({ config: { ...maskConfig(config) } }),
  });

const series = z.array(z.number().nullable());

const historyRoute = ({ questions }: ApiPorts): Route =>
  route({
    name: "nodeHistory",
    access: "admin",
    method: "get",
    path: "/nodes/history",
    summary: "The last hour of a node, or of the cluster: sums, and the worst node's latencies and delays",
    takes: z.object({ node: node.optional() }),
    gives: z.object({
      from: z.number().meta({ description: "Time of the first value, in milliseconds since 1970." }),
      everyMs: z.int().meta({ description: "Interval of the values, in milliseconds." }),
      series: z
        .object(Object.fromEntries(SERIES.map((name) => [name, series])))
        .meta({ description: "Null where there is no sample, or nothing was measured." }),
      silent: z.array(z.string()).meta({ description: "Nodes that have not answered." }),
    }),
    handle: ({ node: asked }) => historyOf(questions, asked),
  });

const silent = z
  .array(z.object({ node: z.string(), code: z.string(), message: z.string() }))
  .meta({ description: "Nodes that have not answered: theirs are missing." });

const page = z.object({
  prefix: z.string().max(255).default("").meta({ description: "Beginning of the name." }),
  after: z.string().max(255).default("").meta({ description: "`next` of the previous page." }),
  limit: whole(1, MAX_NAMES).default(50),
});

const next = z.string().optional().meta({ description: "For the next page; absent on the last." });

const pageRoutes = ({ questions }: ApiPorts): Route[] => [
  route({
    name: "searchUsers",
    access: "admin",
    method: "get",
    path: "/users/search",
    summary: "Users online in the cluster whose ids begin with a text, by name, page by page",
    takes: page,
    gives: z.object({
      users: z.array(z.object({ user: z.string(), connections: z.int(), platforms: z.array(z.string()) })),
      next,
      silent,
    }),
    async handle(query) {
      const { entries: users, ...rest } = await findUsers(questions, query);
      return { users, ...rest };
    },
  }),
  route({
    name: "searchGroups",
    access: "admin",
    method: "get",
    path: "/groups",
    summary: "Groups that somebody has joined, by name, page by page",
    takes: page,
    gives: z.object({
      groups: z.array(
        z.object({
          group: z.string(),
          connections: z.int().meta({ description: "Connections that have joined." }),
          messages: z.number().nullable().meta({
            description:
              "Messages per second that reached connections. Null: not known, because a node counts its 512 busiest groups.",
          }),
          deliveries: z.number().nullable().meta({
            description:
              "Messages per second, counted once for every connection that took it. Null: not known on every node.",
          }),
          nodes: z.int().meta({ description: "Nodes with such connections." }),
        }),
      ),
      next,
      silent,
    }),
    async handle(query) {
      const { entries: groups, ...rest } = await findGroups(questions, query);
      return { groups, ...rest };
    },
  }),
];

const sessionsRoute = ({ questions, backplane: { presence, memberships } }: ApiPorts): Route =>
  route({
    name: "userSessions",
    access: "admin",
    method: "get",
    path: "/users/:user/sessions",
    summary: "A user at a glance: connections with their queues and addresses, durable groups, and a block",
    takes: z.object({ user }),
    gives: z.object({
      user: z.string(),
      online: z.boolean().meta({ description: "True also in the grace period after the last connection." }),
      blockedMs: z.int().meta({ description: "For how long the user is still blocked; 0: not." }),
      groups: z.array(z.string()).meta({ description: "Durable memberships, at most 100." }),
      connections: z.array(connectionReport),
      silent,
    }),
    async handle({ user: asked }) {
      const [sessions, online, blockedMs, groups] = await Promise.all([
        sessionsOf(questions, asked),
        presence.isOnline(asked),
        presence.blockedMs(asked),
        memberships.groupsOf(asked),
      ]);
      return {
        user: asked,
        online,
        blockedMs: Math.ceil(blockedMs),
        groups: groups.sort().slice(0, 100),
        ...sessions,
      };
    },
  });
