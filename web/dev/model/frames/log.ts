import { type Signal, signal } from "@preact/signals";
import { fieldsOf } from "./fields.ts";
import { type Direction, type Frame, measure, shorten } from "./frame.ts";
import { type Meaning, Reader } from "./reader.ts";

/** Beyond `limit` frames, or `characters` of all frames, the oldest are removed until `kept` are left. */
const FRAMES = { limit: 2_200, kept: 2_000, characters: 4 * 1_024 * 1_024 };

/** Part of the kept characters that removal leaves, so that it does not run for every further frame. */
const LEFT = 0.9;

/** Query parameters of a URL may be credentials. */
const withoutQuery = (url: string): string => url.replace(/\?.*/s, "");

/** The last frames of the page, and what they tell about channels and open requests. */
export class FrameLog {
  /** Changes with every frame. */
  readonly version: Signal<number> = signal(0);
  readonly #reader = new Reader();
  #frames: Frame[] = [];
  #characters = 0;
  #count = 0;

  /** Kept frames, oldest first. */
  get frames(): readonly Frame[] {
    return this.#frames;
  }

  get channels(): Reader["channels"] {
    return this.#reader.channels;
  }

  get calls(): Reader["calls"] {
    return this.#reader.calls;
  }

  opened(url: string): void {
    this.#add("link", { kind: "open", name: "" }, withoutQuery(url));
  }

  closed(code: number, reason: string): void {
    this.#reader.calls.clear();
    this.#add("link", { kind: "close", name: String(code) }, reason);
  }

  sent(text: string): void {
    const fields = fieldsOf(text);
    const at = Date.now();
    const meaning = fields ? this.#reader.out(fields, at) : { kind: "unknown", name: "" };
    this.#add("out", meaning, meaning.kind === "login" ? masked(text) : text, at);
  }

  received(text: string): void {
    const fields = fieldsOf(text);
    const at = Date.now();
    this.#add("in", fields ? this.#reader.in(fields, at) : { kind: "unknown", name: "" }, text, at);
  }

  clear(): void {
    this.#frames = [];
    this.#characters = 0;
    this.#changed();
  }

  #add(direction: Direction, { kind, name, channel, ...rest }: Meaning, text: string, at = Date.now()): void {
    const frame = {
      number: ++this.#count,
      at,
      direction,
      kind: shorten(kind),
      name: shorten(name),
      channel: channel && shorten(channel),
      ...rest,
      ...measure(text),
    };
    this.#frames.push(frame);
    this.#characters += frame.text.length;
    if (this.#frames.length > FRAMES.limit || this.#characters > FRAMES.characters) this.#trim();
    this.#changed();
  }

  /** Not `++`: a frame may be sent inside an effect, which would then depend on the version. */
  #changed(): void {
    this.version.value = this.version.peek() + 1;
  }

  #trim(): void {
    let first = 0;
    const isOver = (): boolean =>
      this.#frames.length - first > FRAMES.kept || this.#characters > FRAMES.characters * LEFT;
    while (first < this.#frames.length - 1 && isOver())
      this.#characters -= this.#frames[first++]?.text.length ?? 0;
    this.#frames = this.#frames.slice(first);
  }
}

/** Hides the token of a login, because frames are copied into reports. */
const masked = (text: string): string => text.replace(/"token":"(?:[^"\\]|\\.)*"/, '"token":"…"');
