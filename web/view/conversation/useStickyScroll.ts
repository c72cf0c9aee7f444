import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Entry } from "../../model/conversation.ts";

export interface StickyScroll {
  readonly viewport: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLDivElement | null>;
  readonly isAtEnd: boolean;
  readonly toEnd: () => void;
}

/** So near to the end counts as at it. */
const NEAR_PX = 48;

/**
 * Keeps what is read in its place: at the end new messages are followed, whatever grows (a picture that loads, a
 * keyboard that opens); elsewhere nothing moves, not even when older messages come in above.
 */
export function useStickyScroll(entries: readonly Entry[]): StickyScroll {
  const viewport = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const sticks = useRef(true);
  const [isAtEnd, setAtEnd] = useState(true);
  const toEnd = (): void => viewport.current?.scrollTo({ top: viewport.current.scrollHeight });

  useEffect(() => {
    const view = viewport.current;
    if (view === null || content.current === null) return;
    let formerTop = view.scrollTop;
    const onScroll = (): void => {
      const isNear = view.scrollHeight - view.scrollTop - view.clientHeight < NEAR_PX;
      // The event comes late: what has grown meanwhile is no reason to stop, only going up is.
      if (isNear) sticks.current = true;
      else if (view.scrollTop < formerTop) sticks.current = false;
      formerTop = view.scrollTop;
      setAtEnd(sticks.current);
    };
    const observer = new ResizeObserver(() => sticks.current && toEnd());
    observer.observe(view);
    observer.observe(content.current);
    view.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      view.removeEventListener("scroll", onScroll);
    };
  }, []);

  const last = entries.at(-1);
  const wasSentHere = last?.kind === "message" && last.delivery?.state === "sent" ? last.key : undefined;
  useLayoutEffect(() => {
    if (wasSentHere !== undefined) toEnd();
  }, [wasSentHere]);

  useKeptPlace(viewport, entries[0]?.key, sticks);
  return { viewport, content, isAtEnd, toEnd };
}

/** When the first entry becomes another one, what came in above it pushes the view down by its height. */
function useKeptPlace(
  viewport: RefObject<HTMLDivElement | null>,
  firstKey: string | undefined,
  sticks: RefObject<boolean>,
): void {
  const before = useRef({ firstKey, height: 0 });
  useLayoutEffect(() => {
    const view = viewport.current;
    if (view === null) return;
    const { firstKey: formerKey, height } = before.current;
    if (formerKey !== undefined && formerKey !== firstKey && !sticks.current) {
      view.scrollTop += view.scrollHeight - height;
    }
    before.current = { firstKey, height: view.scrollHeight };
  });
}
