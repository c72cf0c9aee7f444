import { useEffect, useState } from "preact/hooks";

export interface Pages {
  /** Where the present page begins; empty for the first. */
  readonly after: string;
  readonly number: number;
  readonly forward: (next: string) => void;
  readonly back: (() => void) | undefined;
}

/** Pages of a list, back and forth. They begin anew when what is searched for changes. */
export function usePages(searched: string): Pages {
  const [begins, setBegins] = useState<readonly string[]>([]);
  useEffect(() => setBegins([]), [searched]);
  return {
    after: begins.at(-1) ?? "",
    number: begins.length + 1,
    forward: (next) => setBegins([...begins, next]),
    back: begins.length === 0 ? undefined : () => setBegins(begins.slice(0, -1)),
  };
}
