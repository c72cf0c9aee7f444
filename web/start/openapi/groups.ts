import type { Operation } from "./operations.ts";

const METHODS: ReadonlySet<string> = new Set(["get", "post", "put", "delete"]);

/** Operations with one tag. */
export interface OperationGroup {
  readonly tag: string;
  readonly operations: readonly Operation[];
}

/**
 * Groups the operations whose texts have all words of a filter, in the order of the document.
 * @param filter such as `post group` or `read`; empty: all
 */
export function groupsOf(operations: readonly Operation[], filter: string): OperationGroup[] {
  const words = filter.toLowerCase().split(/\s+/);
  const matches = ({ id, method, path, summary, tag, access }: Operation): boolean => {
    const text = [id, path, summary, tag, access].join(" ").toLowerCase();
    // "get" stands in "target", too.
    return words.every((word) => (METHODS.has(word) ? word === method.toLowerCase() : text.includes(word)));
  };
  return [...Map.groupBy(operations.filter(matches), ({ tag }) => tag)].map(([tag, some]) => ({
    tag,
    operations: some,
  }));
}
