import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../../model/api.ts";

export interface Loaded<Value> {
  /** The last value; undefined before the first. */
  readonly value: Value | undefined;
  readonly error: string | undefined;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

interface State<Value> {
  readonly value?: Value;
  readonly error?: string;
  readonly isLoading: boolean;
}

/**
 * Loads a value when the view opens, when an input changes, and again after a time.
 * @param inputs of `load`, compared one by one
 * @param everyMs 0: only once. @default 0
 */
export function useLoaded<Value>(
  load: (signal: AbortSignal) => Promise<Value>,
  inputs: readonly unknown[],
  everyMs = 0,
): Loaded<Value> {
  const [state, setState] = useState<State<Value>>({ isLoading: true });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const abort = new AbortController();
    const attempt = async (): Promise<void> => {
      setState((before) => ({ ...before, isLoading: true }));
      try {
        const value = await latest.current(abort.signal);
        if (!abort.signal.aborted) setState({ value, isLoading: false });
      } catch (error) {
        // The last value stays, for a server that is away for a moment.
        if (!abort.signal.aborted)
          setState((before) => ({ ...before, error: messageOf(error), isLoading: false }));
      }
    };
    void attempt();
    const timer = everyMs === 0 ? undefined : setInterval(() => document.hidden || void attempt(), everyMs);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [...inputs, round]);
  const { value, error, isLoading } = state;
  return { value, error, isLoading, reload: () => setRound((last) => last + 1) };
}
