import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface StickyScroll {
  readonly viewport: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLDivElement | null>;
  readonly isAtEnd: boolean;
  readonly toEnd: () => void;
}

/** Distance from the end that counts as the end. */
const NEAR_PX = 48;

/**
 * Keeps the scroll position. At the end it follows new messages and growth, such as a loaded picture or an open
 * keyboard. Elsewhere nothing moves, even when older messages are inserted above.
 * @param firstKey key of the first entry
 * @param sentKey key of the last entry, if the user has just sent it: it scrolls to the end
 */
export function useStickyScroll(firstKey: string | undefined, sentKey: string | undefined): StickyScroll {
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
      // The event is late, so growth may have moved the end. Only scrolling up ends the following.
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

  useLayoutEffect(() => {
    if (sentKey !== undefined) toEnd();
  }, [sentKey]);

  useKeptPosition(viewport, firstKey, sticks);
  return { viewport, content, isAtEnd, toEnd };
}

/** Scrolls down by the height of entries that are inserted at the top. */
function useKeptPosition(
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
