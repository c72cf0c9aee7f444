import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

/** Returns a signal's value once per frame, so that thousands of messages a second cause at most 60 renders. */
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
