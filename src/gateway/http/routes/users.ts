import { z } from "zod";
import {
  addMember,
  blockUser,
  countMembers,
  groupMembers,
  MAX_MEMBERS_PAGE,
  memberData,
  removeMember,
} from "../../../members/members.ts";
import type { ApiPorts } from "../ports.ts";
import { type Route, route } from "../route.ts";
import { commandResult, group, platform, rewind, user, whole } from "../schemas.ts";

const connection = z.object({
  id: z.string(),
  platform: z.string(),
  device: z.string(),
  node: z.string(),
  connectedAt: z.int().meta({ description: "Milliseconds since 1970." }),
});

/** Routes about users and their connections. */
export const userRoutes = (ports: ApiPorts): Route[] => [
  route({
    name: "listUsers",
    access: "read",
    method: "get",
    path: "/users",
    summary: "Users online in the cluster, page by page",
    takes: z.object({
      limit: whole(1, 1_000).default(100),
      cursor: z.string().optional().meta({ description: "Cursor of the previous page." }),
    }),
    gives: z.object({
      users: z.array(z.object({ user: z.string(), connections: z.int(), platforms: z.array(z.string()) })),
      count: z.int().meta({ description: "Number of all users online." }),
      cursor: z.string().optional().meta({ description: "Cursor of the next page; absent on the last." }),
    }),
    async handle(page) {
      const [{ users, cursor }, { users: count }] = await Promise.all([
        ports.backplane.presence.online(page),
        ports.backplane.presence.count(),
      ]);
      return { users, count, cursor };
    },
  }),
  route({
    name: "listConnections",
    access: "read",
    method: "get",
    path: "/users/:user/connections",
    summary: "A user's connections on all nodes, oldest first",
    takes: z.object({ user }),
    gives: z.object({ connections: z.array(connection) }),
    async handle({ user }) {
      const found = await ports.backplane.presence.connectionsOf(user);
      return {
        connections: found.map(({ id, platform, device, node, connectedAt }) => ({
          id,
          platform,
          device,
          node,
          connectedAt,
        })),
      };
    },
  }),
  route({
    name: "listGroups",
    access: "read",
    method: "get",
    path: "/users/:user/groups",
    summary: "The groups of which a user is a durable member, by name",
    takes: z.object({ user }),
    gives: z.object({ groups: z.array(z.string()) }),
    handle: async ({ user }) => ({ groups: [...(await ports.backplane.memberships.groupsOf(user))].sort() }),
  }),
  blockedRoute(ports),
  ...commandRoutes(ports),
];

const blockedRoute = ({ backplane }: ApiPorts): Route =>
  route({
    name: "listBlocks",
    access: "read",
    method: "get",
    path: "/blocks",
    summary: "Users who are blocked, page by page",
    takes: z.object({
      limit: whole(1, 1_000).default(100),
      cursor: z.string().optional().meta({ description: "Cursor of the previous page." }),
    }),
    gives: z.object({
      users: z.array(
        z.object({
          user: z.string(),
          until: z.int().meta({ description: "End of the block, in milliseconds since 1970." }),
        }),
      ),
      cursor: z.string().optional().meta({ description: "Cursor of the next page; absent on the last." }),
    }),
    async handle(page) {
      const { users, cursor } = await backplane.presence.blocked(page);
      return { users: [...users], cursor };
    },
  });

/** Orders to the connections of a user on all nodes. */
const commandRoutes = ({ backplane, backplane: { cluster } }: ApiPorts): Route[] => [
  route({
    name: "kickUser",
    access: "admin",
    method: "post",
    path: "/users/:user/kick",
    summary: "Close a user's connections on all nodes; clients do not reconnect",
    takes: z.object({
      user,
      reason: z.string().optional().meta({ description: "Text for the notice and the close frame." }),
      notice: z.unknown().optional().meta({ description: "Data of the notice: any JSON value." }),
      platform: platform.optional().meta({ description: "Only connections on this platform." }),
    }),
    gives: commandResult,
    handle: (kick) => cluster.command({ kind: "kick", cause: "kicked", ...kick }),
  }),
  route({
    name: "blockUser",
    access: "admin",
    method: "post",
    path: "/users/:user/block",
    summary: "Close a user's connections on all nodes, and refuse logins until the time is over",
    takes: z.object({
      user,
      ms: z
        .int()
        .min(0)
        .meta({ description: "For how long, in milliseconds, at most 100 years. 0 ends a block." }),
      reason: z.string().optional().meta({ description: "Text for the notice and the close frame." }),
      notice: z.unknown().optional().meta({ description: "Data of the notice: any JSON value." }),
    }),
    gives: commandResult,
    handle: ({ user, ms, ...options }) => blockUser(backplane, user, ms, options),
  }),
  route({
    name: "refreshUser",
    access: "admin",
    method: "post",
    path: "/users/:user/refresh",
    summary: "Ask for a user's rights again: connections leave the groups that the user may no longer join",
    takes: z.object({ user }),
    gives: commandResult,
    handle: ({ user }) => cluster.command({ kind: "refresh", user }),
  }),
];

/** Routes about members of groups. */
export function groupRoutes({ backplane }: ApiPorts): Route[] {
  const member = { access: "admin", takes: z.object({ group, user }), gives: commandResult } as const;
  const join = {
    ...member,
    summary: "Give a user a durable membership: joined now, and at every later login",
    takes: z.object({ group, user, ...rewind }),
    handle: ({ group, user, last, since }: Member & { last?: number; since?: number }) =>
      addMember(backplane, group, user, { last, since }),
  };
  const leave = {
    ...member,
    summary: "End a user's durable membership, and leave the group on all connections",
    handle: ({ group, user }: Member) => removeMember(backplane, group, user),
  };
  return [
    ...listRoutes(backplane),
    route({ name: "addMember", method: "post", path: "/groups/:group/members", ...join }),
    route({ name: "removeMember", method: "delete", path: "/groups/:group/members/:user", ...leave }),
    route({ name: "joinGroup", method: "post", path: "/groups/:group/join", ...join }),
    route({ name: "leaveGroup", method: "post", path: "/groups/:group/leave", ...leave }),
  ];
}

const counts = {
  online: z.int().meta({ description: "Users who have joined." }),
  durable: z.int().meta({ description: "Durable members." }),
};

/** Routes about the lists of members, and what they carry. */
const listRoutes = (backplane: ApiPorts["backplane"]): Route[] => [
  route({
    name: "listMembers",
    access: "read",
    method: "get",
    path: "/groups/:group/members",
    summary: "Members of a group, page by page: who has joined, then durable members",
    takes: z.object({
      group,
      limit: whole(1, MAX_MEMBERS_PAGE).default(100),
      cursor: z.string().optional().meta({ description: "Cursor of the previous page." }),
    }),
    gives: z.object({
      members: z.array(
        z.object({
          user: z.string(),
          online: z.boolean(),
          durable: z.boolean(),
          data: z.unknown().optional().meta({ description: "What the user carries in the group." }),
        }),
      ),
      ...counts,
      cursor: z.string().optional().meta({ description: "Cursor of the next page; absent on the last." }),
    }),
    handle: ({ group, ...page }) => groupMembers(backplane, group, page),
  }),
  route({
    name: "countMembers",
    access: "read",
    method: "get",
    path: "/groups/:group/count",
    summary: "Number of users who have joined a group, and of durable members",
    takes: z.object({ group }),
    gives: z.object(counts),
    handle: ({ group }) => countMembers(backplane, group),
  }),
  route({
    name: "setMemberData",
    access: "admin",
    method: "post",
    path: "/groups/:group/data",
    summary: "Set the data that a user carries in a group until the user leaves it",
    takes: z.object({
      group,
      user,
      data: z.unknown().meta({ description: "Any JSON value of at most 1 KiB." }),
    }),
    gives: z.object({
      joined: z
        .boolean()
        .meta({ description: "False when no connection of the user has joined: nothing was set." }),
    }),
    handle: async ({ group, user, data }) => ({
      joined: await backplane.rooms.setData(group, user, memberData(data)),
    }),
  }),
];

interface Member {
  readonly group: string;
  readonly user: string;
}
