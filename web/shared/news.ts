import { type Signal, signal } from "@preact/signals";
import type { Tone } from "./view/Notice.tsx";

/** A notice for the user. */
export interface NewsItem {
  readonly tone: Tone;
  readonly text: string;
}

/** News disappear after this time. Bad news stay until they are dismissed. */
const SHOWN_MS = 8_000;

/** Maximum number of visible notices, so that they do not cover the page. */
const MAX_NOTICES = 3;

/** Recent notices, oldest first. */
export class News {
  readonly notices: Signal<readonly NewsItem[]> = signal([]);
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  tell(tone: Tone, text: string): void {
    const others = this.notices.peek().filter((notice) => notice.text !== text && notice.tone === "bad");
    const notice = { tone, text };
    this.notices.value = [...others, notice].slice(-MAX_NOTICES);
    if (tone === "bad") return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.dismiss(notice);
    }, SHOWN_MS);
    this.#timers.add(timer);
  }

  dismiss(notice: NewsItem): void {
    this.notices.value = this.notices.peek().filter((each) => each !== notice);
  }

  /** Removes a notice whose text is shown elsewhere. */
  withdraw(text: string): void {
    this.notices.value = this.notices.peek().filter((notice) => notice.text !== text);
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
