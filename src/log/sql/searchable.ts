/** Escapes of JSON strings (RFC 8259 section 7). */
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|(.))/g;

const CONTROLS: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

/**
 * Makes the text that a search looks into, from JSON text. Clients may write each letter as an escape, so the escapes are resolved:
 * "привет" is found however it was sent.
 */
export function searchableText(json: string): string {
  const plain = json.includes("\\") ? json.replace(ESCAPE, unescaped) : json;
  return foldText(plain);
}

const unescaped = (_: string, code: string | undefined, letter = ""): string =>
  code === undefined ? (CONTROLS[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16));

/** Printable ASCII without capitals, which folding would not change. */
const FOLDED = /^[ -@[-~]*$/;

/**
 * Folds text for comparison: letters without regard to case, characters composed (NFC), and in place of what a database cannot store
 * (NUL, lone surrogates) U+FFFD. Databases fold letters differently, or ASCII only, so they do not.
 */
export function foldText(text: string): string {
  return FOLDED.test(text) ? text : storableText(text).normalize("NFC").toLowerCase();
}

/** Replaces what UTF-8 or PostgreSQL cannot store: lone surrogates, and NUL. */
export function storableText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.includes("\0") ? wellFormed.replaceAll("\0", "\ufffd") : wellFormed;
}
