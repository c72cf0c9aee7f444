import { TidingsError } from "../../protocol/protocol.ts";
import { storableText } from "./searchable.ts";

/** Place of a message in the order of a search: by time, by offset within a channel, and by id. */
export interface Place {
  readonly sentAt: number;
  readonly offset: number;
  readonly id: string;
}

export const writeCursor = ({ sentAt, offset, id }: Place): string =>
  Buffer.from(JSON.stringify([sentAt, offset, id])).toString("base64url");

/** @throws TidingsError `bad_request` for text that {@link writeCursor} has not made */
export function readCursor(cursor: string): Place {
  const [sentAt, offset, id] = partsOf(cursor);
  if (Number.isSafeInteger(sentAt) && Number.isSafeInteger(offset) && typeof id === "string") {
    return { sentAt: Number(sentAt), offset: Number(offset), id: storableText(id) };
  }
  throw new TidingsError("bad_request", "cursor: expected the cursor of the page before");
}

function partsOf(cursor: string): readonly unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}
