import { z } from "zod";
import { TidingsError } from "../../index.ts";
import { fileUrl } from "../operation.ts";

/** Type of all messages that users write in groups of the chat. */
export const CHAT_TYPE = "chat";

/** Types of the notices by which the hub tells of edits and deletions. */
export const NOTICES: readonly string[] = ["message.edited", "message.deleted"];

/** Begins the types of events that the chat itself sends. */
export const OWN_TYPES = "chat.";

const MEDIA = ["picture", "voice", "video"] as const;

/** Makes the schema of what a user writes: a text, or a picture, a voice message or a video by its URL, with a text beside it if need be. */
export const contentSchema = (textLength: number) =>
  z
    .strictObject({
      text: z
        .string()
        .min(1)
        .max(textLength)
        .refine((value) => value.isWellFormed(), { error: "expected well-formed text" })
        .optional(),
      picture: fileUrl.optional(),
      voice: fileUrl.optional(),
      video: fileUrl.optional(),
    })
    .refine((content) => Object.values(content).some((value) => value !== undefined), {
      error: "expected a text, or the URL of a picture, a voice message or a video",
    })
    .refine((content) => MEDIA.filter((name) => content[name] !== undefined).length <= 1, {
      error: "expected at most one of picture, voice and video",
    });

export type Content = z.output<ReturnType<typeof contentSchema>>;

/** @throws TidingsError `bad_request` listing what is wrong */
export function parseContent(schema: ReturnType<typeof contentSchema>, value: unknown): Content {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const problems = error.issues.map(({ path, message }) => [...path, message].join(": "));
  throw new TidingsError("bad_request", problems.join("; "));
}
