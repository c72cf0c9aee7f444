import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

/**
 * Returns a signal's value once per frame, so that thousands of messages a second cause at most 60 renders. After a render that took long
 * the next one waits as long again: at least half of the time is left for messages and for what the user does.
 */
export function usePerFrame<Value>(source: ReadonlySignal<Value>): Value {
  const [state, setState] = useState({ value: source.peek() });
  useEffect(() => {
    const draws = new Draws(() => setState({ value: source.peek() }));
    const stop = source.subscribe(() => draws.request());
    return () => {
      stop();
      draws.cancel();
    };
  }, [source]);
  return state.value;
}

/** Calls `draw` in a frame after each request, one call for all requests until then. */
class Draws {
  readonly #draw: () => void;
  #frame: number | undefined;
  #rest: ReturnType<typeof setTimeout> | undefined;
  /** A request came after the last call. */
  #isDue = false;

  constructor(draw: () => void) {
    this.#draw = draw;
  }

  request(): void {
    this.#isDue = true;
    if (this.#frame === undefined && this.#rest === undefined) {
      this.#frame = requestAnimationFrame(() => this.#begin());
    }
  }

  cancel(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    clearTimeout(this.#rest);
  }

  #begin(): void {
    const begin = performance.now();
    this.#isDue = false;
    this.#draw();
    // The first timer after the frame: rendering, layout and painting are over.
    this.#rest = setTimeout(() => this.#ended(performance.now() - begin));
    this.#frame = undefined;
  }

  #ended(tookMs: number): void {
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      if (this.#isDue) this.request();
    }, tookMs);
  }
}
