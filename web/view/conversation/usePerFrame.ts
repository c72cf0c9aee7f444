import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

/** A signal's value, read once per frame: thousands of messages a second must not be drawn thousands of times. */
export function usePerFrame<Value>(source: ReadonlySignal<Value>): Value {
  const [state, setState] = useState({ value: source.peek() });
  useEffect(() => {
    let frame: number | undefined;
    const stop = source.subscribe(() => {
      frame ??= requestAnimationFrame(() => {
        frame = undefined;
        setState({ value: source.peek() });
      });
    });
    return () => {
      stop();
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, [source]);
  return state.value;
}
