import { useMemo, useState } from "preact/hooks";
import {
  EVERY_FRAME,
  FilteredFrames,
  type Frame,
  type FrameFilter,
  type FrameLog,
} from "../../model/frames/frames.ts";

/** The frames that the panel shows. */
export interface FramesInView {
  /** All frames that are kept, or were when the view was paused. */
  readonly kept: readonly Frame[];
  /** Those that meet the filter. */
  readonly shown: readonly Frame[];
  readonly filter: FrameFilter;
  readonly selected: Frame | undefined;
  readonly isPaused: boolean;
  readonly setFilter: (filter: FrameFilter) => void;
  readonly select: (frame: Frame | undefined) => void;
  readonly togglePause: () => void;
  readonly clear: () => void;
}

/** Keeps the filter, the pause and the selection. While the view is paused the log goes on. */
export function useFrames(log: FrameLog): FramesInView {
  const [filter, setFilter] = useState<FrameFilter>(EVERY_FRAME);
  const [selected, select] = useState<Frame | undefined>();
  const [paused, setPaused] = useState<readonly Frame[] | undefined>();
  const filtered = useMemo(() => new FilteredFrames(), [log, paused]);
  const kept = paused ?? log.frames;
  const clear = (): void => {
    log.clear();
    select(undefined);
    if (paused !== undefined) setPaused([]);
  };
  return {
    ...{ kept, filter, selected, setFilter, select, clear },
    shown: filtered.update(kept, filter),
    isPaused: paused !== undefined,
    togglePause: () => setPaused(paused === undefined ? [...log.frames] : undefined),
  };
}
