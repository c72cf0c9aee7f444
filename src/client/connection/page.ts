/** The parts of a page. Node and React Native have none of them, and not every program includes the types of browsers. */
interface Page {
  readonly document?: { readonly visibilityState?: string };
  readonly addEventListener?: EventTarget["addEventListener"];
  readonly removeEventListener?: EventTarget["removeEventListener"];
}

/**
 * Events after which a connection may be dead without a close frame, or an attempt may succeed now: the network is back,
 * the tab is shown again, the page returns from the back-forward cache, or from being frozen.
 */
export const WAKING = ["online", "visibilitychange", "pageshow", "resume"];

/** Events after which a page may end without another one. */
export const LEAVING = ["visibilitychange", "pagehide"];

/** Listens to events of the page, where there is one. The listener learns whether the page was hidden just now. @returns the undo */
export function onPage(events: readonly string[], listener: (wasHidden: boolean) => void): () => void {
  const page = globalThis as Page;
  const heard = ({ type }: { type: string }): void =>
    listener(type === "visibilitychange" && page.document?.visibilityState === "hidden");
  // Some events are the document's, and do not bubble. The window sees them while they are captured.
  for (const event of events) page.addEventListener?.(event, heard, true);
  return () => {
    for (const event of events) page.removeEventListener?.(event, heard, true);
  };
}
