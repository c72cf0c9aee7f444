/** Direction of a frame. `link`: no frame, but the WebSocket that opened or closed. */
export type Direction = "in" | "out" | "link";

/** A frame as the panel shows it. All of its texts may come from other users. */
export interface Frame {
  /** Counts all frames of this page from 1. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly direction: Direction;
  /** Kind of docs/FRAMES.md: `message`, `receipt`, `request`, `reply`, `error`, `welcome`, `position`, … */
  readonly kind: string;
  /** Type of a message, name of an action, or code of an error or notice. */
  readonly name: string;
  readonly channel?: string | undefined;
  readonly offset?: number | undefined;
  /** Time from a request or message to this reply, in milliseconds. */
  readonly tookMs?: number | undefined;
  /** Length in UTF-8. */
  readonly bytes: number;
  /** The text, or its beginning. */
  readonly text: string;
  readonly isCut: boolean;
}

/** Characters that are kept of a frame. */
export const KEPT_CHARACTERS = 64 * 1_024;

/** Characters that are kept of a kind, name or channel, which a peer may choose. */
const NAME_CHARACTERS = 300;

const encoder = new TextEncoder();

/** Returns the length in UTF-8 and the kept part of a text. */
export function measure(text: string): Pick<Frame, "bytes" | "text" | "isCut"> {
  const isCut = text.length > KEPT_CHARACTERS;
  return { bytes: encoder.encode(text).length, text: isCut ? text.slice(0, KEPT_CHARACTERS) : text, isCut };
}

export const shorten = (name: string): string =>
  name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS)}…` : name;
