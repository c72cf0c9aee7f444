const INDENT = "  ";

/** A deep document must not become a text of blanks. */
const MAX_DEPTH = 20;

/** Strings, brackets and separators, and everything else between them. A string may lack its end. */
const TOKENS = /"(?:[^"\\]|\\.)*"?|[[\]{},:]|[^"[\]{},:\s]+/gs;

/**
 * Indents the text of a JSON document without parsing it, so that numbers stay as they were written, and a text that is
 * cut or no JSON is shown too.
 */
export function indentJson(text: string): string {
  if (!/^\s*[[{]/.test(text)) return text;
  let indented = "";
  let depth = 0;
  let last = "";
  for (const [token] of text.matchAll(TOKENS)) {
    const isClosing = token === "]" || token === "}";
    const isOpened = last === "[" || last === "{";
    if (isClosing) depth = Math.max(0, depth - 1);
    if (last === "," || isOpened !== isClosing) indented += lineAt(depth);
    indented += token === ":" ? ": " : token;
    if (token === "[" || token === "{") depth++;
    last = token;
  }
  return indented;
}

const lineAt = (depth: number): string => `\n${INDENT.repeat(Math.min(depth, MAX_DEPTH))}`;
