import type { Message, StoredMessage } from "../../message.ts";

/** Bytes of a message besides its text, as all backplanes count it. */
export const MESSAGE_BYTES = 240;

/** Size of a message, as limits count it, in bytes. */
export const sizeOf = ({ body }: Pick<Message, "body">): number => MESSAGE_BYTES + Buffer.byteLength(body);

/** Fields that few messages have. */
type FewFields = Pick<StoredMessage, "platforms" | "except" | "recipient" | "change">;

/** The column `audience`: those fields as JSON. */
export function audienceOf({ platforms, except, recipient, change }: Partial<FewFields>): string | null {
  if (platforms === undefined && except === undefined && recipient === undefined && change === undefined)
    return null;
  return JSON.stringify({ platforms, except, recipient, change });
}
