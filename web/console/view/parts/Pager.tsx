import type { VNode } from "preact";
import type { Pages } from "./usePages.ts";

interface Props {
  readonly pages: Pages;
  /** Where the next page begins; undefined on the last. */
  readonly next: string | undefined;
}

/** Buttons through the pages of a list. None when there is one page. */
export function Pager({ pages, next }: Props): VNode | null {
  if (pages.back === undefined && next === undefined) return null;
  return (
    <nav class="row pager" aria-label="Pages of the list">
      <button type="button" class="small" disabled={pages.back === undefined} onClick={pages.back}>
        Back
      </button>
      <span class="muted">Page {pages.number}</span>
      <button
        type="button"
        class="small"
        disabled={next === undefined}
        onClick={() => next !== undefined && pages.forward(next)}
      >
        Next
      </button>
    </nav>
  );
}
