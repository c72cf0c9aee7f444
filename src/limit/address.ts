/** An address as eight groups of 16 bits. An IPv4 address has the form of IPv6: `::ffff:10.0.0.1` (RFC 4291, 2.5.5.2). */
export type Groups = readonly number[];

const GROUPS = 8;
const GROUP_BITS = 16;
/** Bits in front of an IPv4 address in the form of IPv6. */
export const IPV4_OFFSET = 96;
const MAPPED = 0xffff;

const HEX_GROUP = /^[\da-f]{1,4}$/i;
const DOT = 0x2e;
const ZERO = 0x30;

/**
 * Reads an IPv4 or IPv6 address. A zone (`fe80::1%eth0`) is left out.
 * @returns undefined for anything else
 */
export function parseAddress(text: string): Groups | undefined {
  // A server that listens on IPv6 sees IPv4 clients like this.
  if (text.startsWith("::ffff:") && text.includes(".")) return ofIPv4(parseIPv4(text, 7));
  if (text.includes(":")) return parseIPv6(text.split("%", 1)[0] ?? "");
  return ofIPv4(parseIPv4(text, 0));
}

const ofIPv4 = (value: number): Groups | undefined =>
  value < 0 ? undefined : [0, 0, 0, 0, 0, MAPPED, value >>> 16, value & MAPPED];

/**
 * Reads an IPv4 address. A number with a leading zero is refused: some systems read it as octal. A loop, because it runs several times for
 * each request.
 * @returns its 32 bits as a number, or -1
 */
function parseIPv4(text: string, start: number): number {
  let value = 0;
  let part = -1;
  let dots = 0;
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      if (part < 0 || ++dots > 3) return -1;
      value = value * 256 + part;
      part = -1;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || part === 0) return -1;
    part = part < 0 ? digit : part * 10 + digit;
    if (part > 255) return -1;
  }
  return part < 0 || dots !== 3 ? -1 : value * 256 + part;
}

function parseIPv6(text: string): Groups | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head = "", tail] = halves;
  const first = parseGroups(head, tail === undefined);
  const last = parseGroups(tail ?? "", true);
  if (first === undefined || last === undefined) return undefined;
  const missing = GROUPS - first.length - last.length;
  // "::" stands for one group at least.
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  return [...first, ...new Array<number>(missing).fill(0), ...last];
}

/** Reads groups between colons. @param isEnd allows an IPv4 address in the last two groups */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    const tail = isEnd && index === parts.length - 1 ? parseIPv4(part, 0) : -1;
    if (tail >= 0) groups.push(Math.floor(tail / 65_536), tail & MAPPED);
    else if (HEX_GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

export const isIPv4 = (groups: Groups): boolean =>
  groups[5] === MAPPED &&
  ((groups[0] ?? 0) | (groups[1] ?? 0) | (groups[2] ?? 0) | (groups[3] ?? 0) | (groups[4] ?? 0)) === 0;

/** An address whose bits after the first `bits` are zero. */
export const masked = (groups: Groups, bits: number): Groups =>
  groups.map((group, index) => {
    const kept = Math.min(GROUP_BITS, Math.max(0, bits - index * GROUP_BITS));
    return group & (MAPPED << (GROUP_BITS - kept)) & MAPPED;
  });

/** The address as text, one text for each address: `10.0.0.1`, `2001:db8:0:0:0:0:0:1`. */
export function addressText(groups: Groups): string {
  if (!isIPv4(groups)) return groups.map((group) => group.toString(16)).join(":");
  const high = groups[6] ?? 0;
  const low = groups[7] ?? 0;
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
