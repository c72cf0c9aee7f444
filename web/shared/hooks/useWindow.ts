import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface ListWindow {
  readonly viewport: RefObject<HTMLDivElement | null>;
  /** Index of the first row that is drawn. */
  readonly first: number;
  /** Index after the last row that is drawn. */
  readonly last: number;
  /** Scrolls a row into view. */
  readonly reveal: (index: number) => void;
}

/** A row of a list, with a number of its own that rises. */
interface Row {
  readonly number: number;
}

/** Rows that are drawn beyond the visible ones, so that scrolling shows no gap. */
const BEYOND = 8;

/**
 * The visible part of a list whose rows have one height. At its end the list follows new rows. Elsewhere the visible rows
 * stay where they are, also when the first ones are removed.
 */
export function useWindow(rows: readonly Row[], rowPx: number): ListWindow {
  const viewport = useRef<HTMLDivElement>(null);
  const [{ top, height }, setView] = useState({ top: 0, height: 0 });
  const sticks = useRef(true);
  const former = useRef(rows);

  useEffect(() => {
    const view = viewport.current;
    if (view === null) return;
    const measure = (): void => setView({ top: view.scrollTop, height: view.clientHeight });
    const onScroll = (): void => {
      sticks.current = isAtEnd(view, rowPx);
      measure();
    };
    const observer = new ResizeObserver(() => {
      if (sticks.current) view.scrollTop = view.scrollHeight;
      measure();
    });
    observer.observe(view);
    view.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      view.removeEventListener("scroll", onScroll);
    };
  }, [rowPx]);

  useLayoutEffect(() => {
    const view = viewport.current;
    if (view === null) return;
    if (sticks.current) view.scrollTop = view.scrollHeight;
    else view.scrollTop -= removedBefore(former.current, rows) * rowPx;
    former.current = rows;
  }, [rows, rowPx]);

  const reveal = (index: number): void => {
    const view = viewport.current;
    if (view === null) return;
    const from = index * rowPx;
    if (from < view.scrollTop) view.scrollTop = from;
    else if (from + rowPx > view.scrollTop + view.clientHeight)
      view.scrollTop = from + rowPx - view.clientHeight;
    // The event of the scroll is late: a row that comes before it must not scroll back to the end.
    sticks.current = isAtEnd(view, rowPx);
  };

  const first = Math.max(0, Math.min(Math.floor(top / rowPx), rows.length) - BEYOND);
  const last = Math.min(rows.length, Math.ceil((top + height) / rowPx) + BEYOND);
  return { viewport, first, last, reveal };
}

const isAtEnd = (view: HTMLElement, rowPx: number): boolean =>
  view.scrollHeight - view.scrollTop - view.clientHeight < rowPx;

/** Counts the rows that a list has lost at its beginning. */
function removedBefore(former: readonly Row[], rows: readonly Row[]): number {
  const first = rows[0]?.number;
  if (first === undefined || former[0]?.number === first) return 0;
  return Math.max(
    0,
    former.findIndex(({ number }) => number === first),
  );
}
