import { z } from "zod";
import { channelSchema, idSchema } from "../actions/actions.ts";

/** The shapes that routes share, with the words in which the OpenAPI document explains them. */

const idText = { type: "string", minLength: 1, maxLength: 128 } as const;

export const user = idSchema.meta({ ...idText, description: "Id of a user." });
export const group = idSchema.meta({ ...idText, description: "Id of a group." });
export const platform = idSchema.meta({ ...idText, description: "Platform, such as web or ios." });

export const channel = channelSchema.meta({
  type: "string",
  pattern: "^(all|user:.{1,128}|group:.{1,128})$",
  description: "`all`, `user:<id>` or `group:<id>`.",
});

/** A whole number, also when it stands in a query. */
export const whole = (min: number, max: number = Number.MAX_SAFE_INTEGER): z.ZodCoercedNumber =>
  z.coerce.number().int().min(min).max(max);

/** What every message has, whoever it is for. */
export const message = z.object({
  type: z.string().meta({ minLength: 1, maxLength: 64, description: "The application's own name for it." }),
  data: z.unknown().optional().meta({ description: "Any JSON value, at most 64 levels deep." }),
  from: user.optional().meta({ description: "In whose name. Default: nobody's." }),
  ephemeral: z
    .boolean()
    .optional()
    .meta({ description: "Do not store it: at most once, without an offset." }),
  key: idSchema.optional().meta({
    ...idText,
    description: "Idempotency key: a repeat within the window sends nothing and gets the first receipt.",
  }),
  platforms: z
    .array(platform)
    .max(100)
    .optional()
    .meta({ description: "Only connections on these platforms." }),
  except: z.array(idSchema).max(1_000).optional().meta({ description: "Not these connections, by id." }),
});

/** What a message to one user has besides. */
export const waiting = z.object({
  ack: z.boolean().optional().meta({ description: "Answer when the receiver has acknowledged it." }),
  timeoutMs: z.number().min(0).max(60_000).optional().meta({ description: "How long to wait for that." }),
});

export const receipt = z.object({
  state: z.enum(["offline", "stored", "delivered", "acked"]),
  id: z.string(),
  timestamp: z.int().meta({ description: "Milliseconds since 1970." }),
  epoch: z.string().optional(),
  offset: z.int().optional().meta({ description: "The place in the channel's history, when it was stored." }),
  connections: z
    .int()
    .meta({ description: "Connections of this node, and other nodes, that it was handed to." }),
  duplicate: z
    .literal(true)
    .optional()
    .meta({ description: "The key was known: this is the first receipt." }),
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
});

/** How many connections something was done to, on all nodes. */
export const connections = z.object({ connections: z.int() });

/** Every failure. */
export const failure = z.object({
  error: z.object({
    code: z.string().meta({ description: "Stable: for programs." }),
    message: z.string().meta({ description: "For people." }),
  }),
});
