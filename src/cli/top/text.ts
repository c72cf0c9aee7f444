/** Text for a terminal: without control characters, and as wide as a column. */

/**
 * Characters that control a terminal or its direction of writing (categories Cc, Cf, Zl, Zp), and those without a glyph. Users choose
 * the names of groups and users, and a name must not move the cursor or hide what stands beside it.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;

/** Writes unsafe characters as `\u{1b}`. */
export const safeText = (text: string): string =>
  text.replaceAll(UNSAFE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);

/** Marks and variation selectors, which take no column of their own. */
const NARROW = /^\p{M}$/u;

/** Wide characters by Unicode's property East Asian Width (W, F), and emoji that are shown as pictures. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}])$/u;

const widthOfCharacter = (character: string): number => {
  if (character <= "\u02ff") return 1; // most characters
  if (NARROW.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
};

/** Columns that a safe text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** Cuts a safe text to a width, with `…` where something is missing. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = "";
  let used = 1; // for the ellipsis
  for (const character of text) {
    used += widthOfCharacter(character);
    if (used > width) break;
    kept += character;
  }
  return width < 1 ? "" : `${kept}…`;
}

/** A safe text in a column of exactly this width. */
export function inColumn(text: string, width: number, align: "left" | "right" = "left"): string {
  const shown = cut(text, width);
  const space = " ".repeat(Math.max(0, width - widthOf(shown)));
  return align === "left" ? shown + space : space + shown;
}
