import { z } from "zod";
import { channelSchema, idSchema } from "../../actions/actions.ts";
import { VERBS } from "../../protocol/protocol.ts";

/** Schemas that routes share, with their descriptions for the OpenAPI document. */

const idText = { type: "string", minLength: 1, maxLength: 255 } as const;

export const user = idSchema.meta({ ...idText, description: "Id of a user." });
export const group = idSchema.meta({ ...idText, description: "Id of a group." });
export const node = idSchema.meta({ ...idText, description: "Id of a node." });
export const connectionId = idSchema.meta({ ...idText, description: "Id of a connection." });
export const platform = idSchema.meta({ ...idText, description: "Platform, such as web or ios." });

const grant = z
  .union([z.string(), z.strictObject({ group }), z.strictObject({ user })])
  .meta({ description: "A pattern of channels such as `group:team-*`, or the id of a group or a user." });

/** Permissions of a token. The minting checks the patterns. */
export const grants = z
  .partialRecord(z.enum(VERBS), z.array(grant).max(1_000))
  .meta({ description: "What the token permits: patterns of channels for each operation." });

export const channel = channelSchema.meta({
  type: "string",
  pattern: "^(all|user:.{1,255}|group:.{1,255})$",
  description: "`all`, `user:<id>` or `group:<id>`.",
});

/** Whole number, also as text in a query. */
export const whole = (min: number, max: number = Number.MAX_SAFE_INTEGER): z.ZodCoercedNumber =>
  z.coerce.number().int().min(min).max(max);

/** Stored messages that connections get when they join. */
export const rewind = {
  last: whole(1)
    .optional()
    .meta({ description: "So many of the newest stored messages reach the present connections first." }),
  since: whole(0)
    .optional()
    .meta({ description: "Stored messages since this time, in milliseconds since 1970, reach them first." }),
};

/** Fields of every message. */
export const message = z.object({
  type: z
    .string()
    .meta({ minLength: 1, maxLength: 64, description: "Name of the event, chosen by the application." }),
  data: z.unknown().optional().meta({ description: "Any JSON value, at most 64 levels deep." }),
  from: user.optional().meta({ description: "User in whose name it is sent. Default: none." }),
  ephemeral: z
    .boolean()
    .optional()
    .meta({ description: "Delivered at most once, without history and offset." }),
  key: idSchema.optional().meta({
    ...idText,
    description: "Idempotency key: a duplicate within the window sends nothing and gets the first receipt.",
  }),
  platforms: z
    .array(platform)
    .max(100)
    .optional()
    .meta({ description: "Only connections on these platforms." }),
  except: z
    .array(idSchema)
    .max(1_000)
    .optional()
    .meta({ description: "Ids of connections that do not get the message." }),
  ack: z
    .boolean()
    .optional()
    .meta({ description: "Answer after the receiver, one user, has acknowledged the message." }),
  timeoutMs: z
    .number()
    .min(0)
    .max(60_000)
    .optional()
    .meta({ description: "Timeout of the acknowledgement, in milliseconds. Default: 5,000." }),
  count: z
    .boolean()
    .optional()
    .meta({ description: "Answer after the other nodes have reported, with the `total` of all nodes." }),
});

export const receipt = z.object({
  state: z.enum(["offline", "stored", "routed", "delivered", "acked", "dropped"]),
  id: z.string(),
  timestamp: z.int().meta({ description: "Milliseconds since 1970." }),
  epoch: z.string().optional(),
  offset: z.int().optional().meta({ description: "Offset in the channel's history. Absent: ephemeral." }),
  connections: z.int().meta({ description: "Connections of this node that took the message." }),
  nodes: z.int().meta({ description: "Other nodes to which it was sent." }),
  total: z
    .int()
    .optional()
    .meta({ description: "Connections of all nodes that took it. Only with `ack` or `count`." }),
  duplicate: z
    .literal(true)
    .optional()
    .meta({ description: "Duplicate of an idempotency key: this is the first receipt." }),
});

export const push = z.object({
  type: z.string(),
  data: z.unknown(),
  timestamp: z.int().meta({ description: "Milliseconds since 1970." }),
  from: z.string().optional(),
  to: z.string().optional(),
  group: z.string().optional(),
  id: z.string(),
  offset: z.int().optional(),
  editedAt: z.int().optional().meta({ description: "Time of the last edit, in milliseconds since 1970." }),
  deletedAt: z.int().optional().meta({ description: "Time of the deletion; `data` is null then." }),
});

/** Outcome of a command to the nodes of a user. */
export const commandResult = z.object({
  connections: z.int().meta({ description: "Connections concerned, on the nodes that answered." }),
  unconfirmed: z
    .int()
    .meta({ description: "Nodes with connections of the user that have not answered. 0: done everywhere." }),
});

/** Body of every failure. */
export const failure = z.object({
  error: z.object({
    code: z.string().meta({ description: "Stable: for programs." }),
    message: z.string().meta({ description: "For humans." }),
    requestId: z.string().optional().meta({
      description:
        "Id of the request in the log, for a failure of the server: that of the header X-Request-Id.",
    }),
  }),
});

/** Workers of a supervised server, by whether they answered. */
export const answering = z.object({ answered: z.array(z.string()), silent: z.array(z.string()) });
