const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;
const SPACE = 0x20;

/** Called with a field of an object: its name as it is read, and where name and value stand. Both as written. */
type TakeField = (name: string, rawName: string, rawValue: string) => void;

/**
 * Goes over the fields of a JSON object and leaves their values as they are written: numbers keep all their digits, which `JSON.parse`
 * would round.
 * @param text an object that `JSON.parse` accepts
 */
function eachRawField(text: string, take: TakeField): void {
  let at = afterSpace(text, text.indexOf("{") + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = afterString(text, at);
    const rawName = text.slice(at, nameEnd);
    // Most names have no escapes.
    const name = rawName.includes("\\") ? String(JSON.parse(rawName)) : rawName.slice(1, -1);
    const valueAt = afterSpace(text, text.indexOf(":", nameEnd) + 1);
    const valueEnd = afterValue(text, valueAt);
    take(name, rawName, text.slice(valueAt, valueEnd));
    at = nextItem(text, valueEnd);
  }
}

/** Returns the last field of this name as it is written; undefined without one. Most messages are read by it, so it allocates nothing else. */
export function rawField(text: string, name: string): string | undefined {
  const quoted = `"${name}"`;
  let found = -1;
  let end = -1;
  let at = afterSpace(text, text.indexOf("{") + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const nameEnd = afterString(text, at);
    const valueAt = afterSpace(text, text.indexOf(":", nameEnd) + 1);
    const valueEnd = afterValue(text, valueAt);
    const isNamed =
      nameEnd - at === quoted.length
        ? text.startsWith(quoted, at)
        : nameEnd - at > quoted.length && isEscaped(text, at, nameEnd, name);
    if (isNamed) {
      found = valueAt;
      end = valueEnd;
    }
    at = nextItem(text, valueEnd);
  }
  return found < 0 ? undefined : detached(text, found, end);
}

/** True when a name that is written with escapes is this one. */
function isEscaped(text: string, at: number, end: number, name: string): boolean {
  const backslash = text.indexOf("\\", at);
  return backslash > 0 && backslash < end && JSON.parse(text.slice(at, end)) === name;
}

/** Bytes beside a value that it may keep in memory. */
const MOST_BESIDE = 1_024;

/** A part of a text keeps the whole of it in memory, so that of a much longer one is copied. */
function detached(text: string, from: number, end: number): string {
  const part = text.slice(from, end);
  return text.length - part.length > MOST_BESIDE ? (JSON.parse(JSON.stringify(part)) as string) : part;
}

/**
 * Returns the data of a message as it is written: its field `data`, or without it the fields that are not known, as `dataOf` reads them.
 * @param text the fields of the message, an object that `JSON.parse` accepts
 */
export const rawData = (text: string, known: ReadonlySet<string>): string =>
  rawBody(text) ?? onOneLine(otherFields(text, known));

function otherFields(text: string, known: ReadonlySet<string>): string {
  const others = new Map<string, string>();
  eachRawField(text, (name, rawName, rawValue) => {
    if (!known.has(name)) others.set(name, `${rawName}:${rawValue}`);
  });
  return others.size === 0 ? "null" : `{${[...others.values()].join(",")}}`;
}

/** Returns the field `data` as it is written, on one line; undefined without one. */
export function rawBody(text: string): string | undefined {
  const raw = rawField(text, "data");
  return raw === undefined ? undefined : onOneLine(raw);
}

/** Returns the elements of a JSON list as they are written. @param text a list that `JSON.parse` accepts */
export function rawElements(text: string): string[] {
  const elements: string[] = [];
  let at = afterSpace(text, text.indexOf("[") + 1);
  while (at < text.length && text.charCodeAt(at) !== CLOSE_BRACKET) {
    const end = afterValue(text, at);
    elements.push(text.slice(at, end));
    at = nextItem(text, end);
  }
  return elements;
}

/** Text of a JSON value without line breaks and tabs. They stand between its tokens only, and separate lines between nodes. */
const onOneLine = (raw: string): string => (/[\n\r\t]/.test(raw) ? raw.replace(/[\n\r\t]+/g, "") : raw);

/** Position after the comma that follows, or of the closing bracket. */
function nextItem(text: string, end: number): number {
  const at = afterSpace(text, end);
  return text.charCodeAt(at) === COMMA ? afterSpace(text, at + 1) : at;
}

function afterSpace(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) <= SPACE) at++;
  return at;
}

function afterString(text: string, from: number): number {
  for (let at = from + 1; ; at++) {
    at = text.indexOf('"', at);
    let before = at;
    while (text.charCodeAt(before - 1) === BACKSLASH) before--;
    // An odd number of backslashes escapes the quote.
    if ((at - before) % 2 === 0) return at + 1;
  }
}

function afterValue(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return afterString(text, from);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return afterBrackets(text, from);
  let at = from + 1;
  // A number or a word: it ends at a comma, a bracket, a space or the end of the text, where the code is NaN.
  for (;;) {
    const code = text.charCodeAt(at);
    if (!(code > SPACE) || code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET) return at;
    at++;
  }
}

function afterBrackets(text: string, from: number): number {
  let depth = 0;
  for (let at = from; ; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = afterString(text, at);
      continue;
    }
    at++;
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++;
    else if ((code === CLOSE_BRACE || code === CLOSE_BRACKET) && --depth === 0) return at;
  }
}
