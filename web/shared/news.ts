import { type Signal, signal } from "@preact/signals";

/** A notice for the user. */
export interface Notice {
  readonly tone: "good" | "bad";
  readonly text: string;
}

/** Good news disappear after this time. Bad news stay until they are dismissed. */
const GOOD_NEWS_MS = 8_000;

/** Maximum number of visible notices, so that they do not cover the page. */
const MAX_NOTICES = 3;

/** Recent notices, oldest first. */
export class News {
  readonly notices: Signal<readonly Notice[]> = signal([]);
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  tell(tone: Notice["tone"], text: string): void {
    const others = this.notices.peek().filter((notice) => notice.text !== text && notice.tone !== "good");
    const notice = { tone, text };
    this.notices.value = [...others, notice].slice(-MAX_NOTICES);
    if (tone === "bad") return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.dismiss(notice);
    }, GOOD_NEWS_MS);
    this.#timers.add(timer);
  }

  dismiss(notice: Notice): void {
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
