/** Characters of the longest pattern: an id in which each character is escaped. */
const MAX_PATTERN = 600;

/** The rule of {@link isPattern}, in the words of error messages. */
export const PATTERN_RULE =
  '"all", "user:<id>" or "group:<id>"; a * at the end stands for any rest, and \\* for the character itself';

/** Checks for a pattern of channels. */
export function isPattern(value: unknown): value is string {
  if (value === "all") return true;
  if (typeof value !== "string" || value.length > MAX_PATTERN || !value.isWellFormed()) return false;
  const [, id] = /^(?:user|group):(.+)$/su.exec(value) ?? [];
  // A star that is not escaped is the last character.
  return id !== undefined && /^(?:[^*\\]|\\[\\*]|\\(?![\\*]))*\*?$/su.test(id);
}

/** Tells whether a pattern that {@link isPattern} accepts stands for the channel. */
export function matchesPattern(pattern: string, channel: string): boolean {
  let at = 0;
  for (let index = 0; index < pattern.length; index++) {
    let code = pattern.charCodeAt(index);
    if (code === STAR) return true;
    const next = pattern.charCodeAt(index + 1);
    if (code === BACKSLASH && (next === STAR || next === BACKSLASH)) {
      code = next;
      index++;
    }
    if (channel.charCodeAt(at++) !== code) return false;
  }
  return at === channel.length;
}

/** Writes an id so that a pattern with it stands for this id alone. */
export const escapeId = (id: string): string => id.replaceAll(/[\\*]/g, "\\$&");

const STAR = 0x2a;
const BACKSLASH = 0x5c;
