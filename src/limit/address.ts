/** An address as eight groups of 16 bits. An IPv4 address has the form of IPv6: `::ffff:10.0.0.1` (RFC 4291, 2.5.5.2). */
export type Groups = readonly number[];

const GROUPS = 8;
const GROUP_BITS = 16;
/** Bits in front of an IPv4 address in the form of IPv6. */
export const IPV4_OFFSET = 96;
const MAPPED = 0xffff;

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const HEX_GROUP = /^[\da-f]{1,4}$/i;

/**
 * Reads an IPv4 or IPv6 address. A zone (`fe80::1%eth0`) is left out.
 * @returns undefined for anything else
 */
export function parseAddress(text: string): Groups | undefined {
  if (text.includes(":")) return parseIPv6(text.split("%", 1)[0] ?? "");
  const tail = parseIPv4(text);
  return tail && [0, 0, 0, 0, 0, MAPPED, ...tail];
}

/** The two groups of an IPv4 address. Numbers with a leading zero are refused: some systems read them as octal. */
function parseIPv4(text: string): [high: number, low: number] | undefined {
  const parts = IPV4.exec(text)?.slice(1);
  if (parts === undefined) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number);
  if (Math.max(a, b, c, d) > 255 || parts.some((part) => part.length > 1 && part.startsWith("0"))) {
    return undefined;
  }
  return [a * 256 + b, c * 256 + d];
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
    const tail = isEnd && index === parts.length - 1 ? parseIPv4(part) : undefined;
    if (tail !== undefined) groups.push(...tail);
    else if (HEX_GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

export const isIPv4 = (groups: Groups): boolean =>
  groups[5] === MAPPED && groups.slice(0, 5).every((group) => group === 0);

/** An address whose bits after the first `bits` are zero. */
export const masked = (groups: Groups, bits: number): Groups =>
  groups.map((group, index) => {
    const kept = Math.min(GROUP_BITS, Math.max(0, bits - index * GROUP_BITS));
    return group & (MAPPED << (GROUP_BITS - kept)) & MAPPED;
  });

/** The address as text, one text for each address: `10.0.0.1`, `2001:db8:0:0:0:0:0:1`. */
export function addressText(groups: Groups): string {
  if (!isIPv4(groups)) return groups.map((group) => group.toString(16)).join(":");
  const [high = 0, low = 0] = groups.slice(6);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}
