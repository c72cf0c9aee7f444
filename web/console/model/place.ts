import { type ReadonlySignal, signal } from "@preact/signals";

export const SECTIONS = {
  overview: "Overview",
  nodes: "Nodes",
  users: "Users",
  groups: "Groups",
  broadcast: "Broadcast",
  events: "Events",
  why: "Why",
  limits: "Limits",
  configuration: "Configuration",
} as const;

export type Section = keyof typeof SECTIONS;

/** What the page shows. It stands in the fragment of the address, such as `#users/alice`, so Back and reload work. */
export interface Place {
  readonly section: Section;
  /** A node, user or group. */
  readonly name?: string;
  /** Further fields, such as those of a question. */
  readonly query: Readonly<Record<string, string>>;
}

const current = signal(read());
addEventListener("hashchange", () => {
  current.value = read();
});

/** The present place. */
export const place: ReadonlySignal<Place> = current;

export function linkTo(
  section: Section,
  name?: string,
  query: Readonly<Record<string, string>> = {},
): string {
  const fields = new URLSearchParams(query).toString();
  const path = name === undefined ? section : `${section}/${encodeURIComponent(name)}`;
  return `#${path}${fields === "" ? "" : `?${fields}`}`;
}

export function goTo(...where: Parameters<typeof linkTo>): void {
  location.hash = linkTo(...where);
}

function read(): Place {
  const [path = "", fields = ""] = location.hash.slice(1).split("?", 2);
  const [section = "", name] = path.split("/", 2);
  const query = Object.fromEntries(new URLSearchParams(fields));
  const known = Object.hasOwn(SECTIONS, section) ? (section as Section) : "overview";
  const decoded = name === undefined || name === "" ? undefined : decode(name);
  return decoded === undefined ? { section: known, query } : { section: known, name: decoded, query };
}

/** @returns undefined for an address that somebody has broken */
function decode(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}
