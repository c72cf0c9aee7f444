import type { VNode } from "preact";
import { useWindow } from "../../../shared/shared.ts";
import type { Frame } from "../../model/frames/frames.ts";
import { ARROWS, DIRECTION_WORDS, durationText, sizeText, timeText } from "./texts.ts";

interface Props {
  readonly frames: readonly Frame[];
  readonly selected: Frame | undefined;
  readonly isNarrow: boolean;
  readonly onSelect: (frame: Frame) => void;
}

/** Heights of a row, as in style/frames.css. A narrow screen has two lines a row. */
const ROW_PX = { wide: 28, narrow: 48 };

/** Characters of the text that fit a row. */
const PREVIEW = 300;

/** List of frames that draws the visible ones only. The arrow keys select one. */
export function FrameList({ frames, selected, isNarrow, onSelect }: Props): VNode {
  const rowPx = isNarrow ? ROW_PX.narrow : ROW_PX.wide;
  const { viewport, first, last, reveal } = useWindow(frames, rowPx);
  const index = selected === undefined ? -1 : frames.findIndex(({ number }) => number === selected.number);
  const select = (next: number): void => {
    const bounded = Math.min(Math.max(next, 0), frames.length - 1);
    const frame = frames[bounded];
    if (frame === undefined) return;
    onSelect(frame);
    reveal(bounded);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, last - first - 2);
    const here = index < 0 ? frames.length : index;
    const next = {
      ArrowUp: here - 1,
      ArrowDown: here + 1,
      PageUp: here - page,
      PageDown: here + page,
      Home: 0,
      End: frames.length - 1,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    select(next);
  };
  return (
    <div
      class="frame-list"
      ref={viewport}
      role="listbox"
      aria-label="Frames"
      aria-activedescendant={index >= first && index < last ? `frame-${selected?.number}` : undefined}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      {frames.length === 0 && <p class="hint">No frames.</p>}
      <div class="frame-rows" style={{ height: `${frames.length * rowPx}px` }}>
        <div class="frame-window" style={{ transform: `translateY(${first * rowPx}px)` }}>
          {frames.slice(first, last).map((frame, offset) => (
            <Row
              key={frame.number}
              frame={frame}
              position={first + offset + 1}
              count={frames.length}
              isSelected={first + offset === index}
              onSelect={onSelect}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

interface RowProps {
  readonly frame: Frame;
  readonly position: number;
  readonly count: number;
  readonly isSelected: boolean;
  readonly onSelect: (frame: Frame) => void;
}

function Row({ frame, position, count, isSelected, onSelect }: RowProps): VNode {
  const { number, at, direction, kind, name, channel, offset, tookMs, bytes, text } = frame;
  return (
    // The list has the focus and the keys.
    // biome-ignore lint/a11y/useFocusableInteractive: by aria-activedescendant
    // biome-ignore lint/a11y/useKeyWithClickEvents: by the list
    <div
      id={`frame-${number}`}
      class={`frame ${direction} ${kind === "error" || kind === "close" ? "bad" : ""}`}
      role="option"
      aria-selected={isSelected}
      aria-posinset={position}
      aria-setsize={count}
      onClick={() => onSelect(frame)}
    >
      <span class="at">{timeText(at)}</span>
      <span class="direction">
        <span aria-hidden="true">{ARROWS[direction]}</span>
        <span class="unseen">{DIRECTION_WORDS[direction]}</span>
      </span>
      <span class="kind">{kind}</span>
      <bdi class="name">{name}</bdi>
      <bdi class="channel">{channel}</bdi>
      <span class="offset">{offset === undefined ? "" : `#${offset}`}</span>
      <span class="took">{tookMs === undefined ? "" : durationText(tookMs)}</span>
      <span class="size">{direction === "link" ? "" : sizeText(bytes)}</span>
      <bdi class="text">{text.slice(0, PREVIEW)}</bdi>
    </div>
  );
}
