import { type Signal, signal } from "@preact/signals";

/** Something to tell the user once. */
export interface Notice {
  readonly tone: "good" | "bad";
  readonly text: string;
}

/** How long good news stay; bad ones wait to be dismissed. */
const GOOD_NEWS_MS = 8_000;

/** More at once would hide what they are about. */
const AT_ONCE = 3;

/** What has happened of late, oldest first. */
export class News {
  readonly notices: Signal<readonly Notice[]> = signal([]);
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  tell(tone: Notice["tone"], text: string): void {
    const others = this.notices.peek().filter((notice) => notice.text !== text && notice.tone !== "good");
    const notice = { tone, text };
    this.notices.value = [...others, notice].slice(-AT_ONCE);
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

  /** What is told elsewhere need not be told twice. */
  withdraw(text: string): void {
    this.notices.value = this.notices.peek().filter((notice) => notice.text !== text);
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
