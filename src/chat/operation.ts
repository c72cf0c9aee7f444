import { z } from "zod";
import type { Claims, ClientConnection } from "../index.ts";
import type { Changed } from "./changed.ts";

/** The user who asks for an operation, over a WebSocket or over HTTP. */
export interface Caller {
  /** Empty for an operation that is open to everybody. */
  readonly user: string;
  /** Address of the client; undefined where it is not known. */
  readonly address: string | undefined;
  /** Claims of the login. */
  readonly claims: Claims;
  /** The connection that asks; undefined over HTTP. */
  readonly connection: ClientConnection | undefined;
}

/** An operation of the chat: the action `chat.<name>` for WebSockets, and `POST /chat/<name>` with the same fields and reply. */
export interface Operation {
  readonly name: string;
  readonly summary: string;
  /** `open` operations come before a login, so they are offered over HTTP only. */
  readonly access: "user" | "open";
  /** Parts of the caller's data that it changes: the caller's other devices are told. */
  readonly changes?: Changed;
  readonly takes: z.ZodObject;
  readonly gives: z.ZodType;
  handle(caller: Caller, input: unknown): Promise<unknown>;
}

interface OperationSpec<Takes extends z.ZodObject, Gives extends z.ZodType> {
  readonly name: string;
  readonly summary: string;
  /** @default "user" */
  readonly access?: "user" | "open";
  readonly changes?: Changed;
  readonly takes: Takes;
  /** @default nothing */
  readonly gives?: Gives;
  handle(caller: Caller, input: z.output<Takes>): Promise<z.input<Gives> | undefined>;
}

/** Makes an operation. The compiler checks its handler against its schemas. */
export const operation = <Takes extends z.ZodObject, Gives extends z.ZodType = z.ZodObject>(
  spec: OperationSpec<Takes, Gives>,
): Operation => ({
  access: "user",
  gives: z.object({}),
  ...spec,
  handle: async (caller, input) => (await spec.handle(caller, input as z.output<Takes>)) ?? {}, // `takes` has checked it
});

/** Longest id of a user that registers, in characters. */
const MAX_USER = 64;
/** Longest name of a user or a group, in characters. */
const MAX_NAME = 100;

/** Tells whether both databases can store and compare a text: PostgreSQL takes a zero in it for its own failure. */
export const isText = (value: string): boolean => value.isWellFormed() && !/[\p{Cc}\ufffd]/u.test(value);

/** A line of text without control characters: both databases and every client can show it. */
const line = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .refine((value) => [...value].length <= most, { error: `expected at most ${most} characters` })
    .refine(isText, { error: "expected text without control characters" });

/** Characters that nobody sees, such as joiners, soft hyphens and marks of direction (UAX #44, Default_Ignorable_Code_Point), and spaces. */
const UNSEEN = /^[\p{Default_Ignorable_Code_Point}\s]*$/u;

/** A line that is shown as more than a blank. What was stored before is found as it is. */
const seen = (most: number) =>
  line(most).refine((value) => !UNSEEN.test(value), { error: "expected characters that can be seen" });

export const newUser = seen(MAX_USER).meta({
  description: "Id of the new user: 1–64 characters of any script.",
});
export const name = seen(MAX_NAME).meta({ description: "Name to show: 1–100 characters of any script." });
export const user = line(255).meta({ description: "Id of a user." });
export const group = line(255).meta({ description: "Id of a group, such as `chat:…`." });
export const searched = line(MAX_NAME).meta({ description: "Text to look for, in any case of its letters." });

/** An address of a file elsewhere. Clients load it, so nothing but `https:` is accepted. */
export const fileUrl = z
  .string()
  .max(2_048)
  .refine(isFileUrl, { error: "expected a URL with https:, without user and password" })
  .meta({ description: "A URL with `https:`, of at most 2,048 characters." });

function isFileUrl(value: string): boolean {
  if (!URL.canParse(value) || !isText(value) || /\s/.test(value)) return false;
  const { protocol, username, password, hostname } = new URL(value);
  return protocol === "https:" && username === "" && password === "" && hostname !== "";
}

export const limit = z.int().min(1).max(200).default(50);
export const cursor = z
  .string()
  .max(1_000)
  .refine(isText, { error: "expected a cursor of a page before" })
  .optional()
  .meta({ description: "Cursor of the page before." });
export const nextCursor = z
  .string()
  .optional()
  .meta({ description: "For the next page; absent on the last one." });
export const time = z.int().meta({ description: "Milliseconds since 1970." });

/** A user as others see it. */
export const person = z.object({
  user: z.string(),
  name: z.string(),
  picture: z.string().optional(),
});

/** Makes a {@link person} of a row. */
export const personOf = (row: {
  user_id: string;
  name: string;
  picture: string | null;
}): z.input<typeof person> => ({
  user: row.user_id,
  name: row.name,
  ...(row.picture === null ? {} : { picture: row.picture }),
});
