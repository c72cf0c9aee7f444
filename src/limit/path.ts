/**
 * Readings of a request target. Frameworks do not agree on which paths are equal: some ignore case, decode `%2F`, resolve dot segments,
 * join slashes, or end the path at a semicolon. A path that can be read in several ways has to keep the rules of each reading.
 */

/** Characters in a path that some framework reads in another way than the others do. */
const AMBIGUOUS = /[%\\;]|\/\/|\/\.{1,2}(?:\/|$)/;

const ENCODED = /(?:%[\da-f]{2})+/gi;
/** Encoded characters that no target can have unencoded: the space, and what is not ASCII. Frameworks agree on them. */
const UNWRITABLE = /(?:%(?:20|[89a-f][\da-f]))+/gi;

/** Begin of a path that `new URL(request.url, base)` takes for the name of a host. */
const HOST_LIKE = /^[/\\]{2,}[^/\\]*/;

/** A scheme and an authority, as in a request to a proxy: `GET http://example.com/path` (RFC 9112, 3.2.2). */
const AUTHORITY = /^[a-z][a-z\d+.-]*:\/\/[^/?#\\]*/i;

/** The path of a request target: without the authority, query and fragment. */
export function pathOf(target: string): string {
  const path = target.startsWith("/") ? target : target.replace(AUTHORITY, "");
  return before("#", before("?", path)) || "/";
}

/** The text before the first of a character. `indexOf`, because an expression takes longer. */
function before(character: string, text: string): string {
  const index = text.indexOf(character);
  return index === -1 ? text : text.slice(0, index);
}

/** One spelling for paths that some framework takes for equal: without a slash at the end, in small letters. */
export const folded = (path: string): string => {
  const end = path.length > 1 && path.endsWith("/") ? -1 : path.length;
  return path.slice(0, end).toLowerCase();
};

/** The path with {@link UNWRITABLE} characters decoded, as people write paths in a configuration. */
export const readable = (path: string): string => (path.includes("%") ? decoded(path, UNWRITABLE) : path);

/** True for a path that has several readings. Nearly all paths have one. */
export const isAmbiguous = (path: string): boolean => AMBIGUOUS.test(path);

/**
 * All folded readings of an ambiguous path, the literal one first.
 * @param path as {@link pathOf} gives it
 */
export function readingsOf(path: string): readonly string[] {
  const literal = folded(readable(path));
  const [beforeSemicolon = ""] = path.split(/;|%3b/i, 1);
  const others = [path, beforeSemicolon].flatMap((text) => [text, text.replace(HOST_LIKE, "")]);
  return [...new Set([literal, ...others.map((text) => folded(resolved(text)))])];
}

/**
 * The path that a list of skipped paths may be asked for, besides the path itself: what is left when everything is decoded and resolved.
 * @returns undefined for a path that must not be skipped, because frameworks cut it in different places
 */
export function skippable(path: string): string | undefined {
  if (!isAmbiguous(path)) return path;
  return /[\\;]/.test(decoded(path)) ? undefined : resolved(path);
}

/** The path with percent-encoding decoded, backslashes as slashes, repeated slashes joined and dot segments resolved (RFC 3986, 5.2.4). */
function resolved(path: string): string {
  const segments: string[] = [];
  const parts = decoded(path)
    .split(/[/\\]+/)
    .slice(1);
  for (const [index, part] of parts.entries()) {
    if (part === "..") segments.pop();
    else if (part !== "." && part !== "") segments.push(part);
    // A directory keeps its slash at the end.
    if (index === parts.length - 1 && /^\.{0,2}$/.test(part)) segments.push("");
  }
  return `/${segments.join("/")}`;
}

/** Decodes what is UTF-8 and leaves the rest, because a server may refuse one part and read another. */
const decoded = (path: string, which = ENCODED): string =>
  path.replace(which, (encoded) => {
    try {
      return decodeURIComponent(encoded);
    } catch {
      return encoded;
    }
  });
