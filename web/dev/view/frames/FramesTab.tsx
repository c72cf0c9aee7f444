import type { VNode } from "preact";
import { CopyButton } from "../../../shared/shared.ts";
import { framesAsText } from "../../model/frames/frames.ts";
import { FilterBar } from "./FilterBar.tsx";
import { FrameDetail } from "./FrameDetail.tsx";
import { FrameList } from "./FrameList.tsx";
import type { FramesInView } from "./useFrames.ts";

/** The list of frames with its filter, and the selected frame. */
export function FramesTab({ view, isNarrow }: { view: FramesInView; isNarrow: boolean }): VNode {
  const { kept, shown, filter, selected, isPaused } = view;
  const count = shown.length === kept.length ? `${kept.length}` : `${shown.length} of ${kept.length}`;
  return (
    <>
      <FilterBar filter={filter} frames={kept} onFilter={view.setFilter} />
      <div class="frames-tools">
        <p class="muted number">
          {count} frames{isPaused && ", paused"}
        </p>
        <span class="grow" />
        <button type="button" class="small" aria-pressed={isPaused} onClick={view.togglePause}>
          {isPaused ? "Resume" : "Pause"}
        </button>
        <button type="button" class="small" onClick={view.clear}>
          Clear
        </button>
        <CopyButton label="Copy" text={() => framesAsText(shown)} />
      </div>
      <div class="frames-split">
        <FrameList frames={shown} selected={selected} isNarrow={isNarrow} onSelect={view.select} />
        {selected && <FrameDetail frame={selected} onClose={() => view.select(undefined)} />}
      </div>
    </>
  );
}
