import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { CopyButton, countOf, Icon } from "../../../shared/shared.ts";
import { type Frame, indentJson } from "../../model/frames/frames.ts";
import { DIRECTION_WORDS, durationText, sizeText, timeText } from "./texts.ts";

/** Characters of the indented text that are drawn. The copy has all that is kept. */
const SHOWN = 20_000;

/** Shows one frame with its text, indented. */
export function FrameDetail({ frame, onClose }: { frame: Frame; onClose: () => void }): VNode {
  const { number, at, direction, kind, tookMs, bytes, text, isCut } = frame;
  const indented = useMemo(() => (direction === "link" ? text : indentJson(text)), [text, direction]);
  const facts = [
    timeText(at),
    DIRECTION_WORDS[direction],
    kind,
    sizeText(bytes),
    tookMs !== undefined && `after ${durationText(tookMs)}`,
  ];
  return (
    <article class="frame-detail" aria-label={`Frame ${number}`}>
      <header>
        <h3>Frame {number}</h3>
        <span class="grow" />
        <CopyButton label="Copy frame" text={() => text} />
        <button type="button" class="quiet" aria-label="Close the frame" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <p class="muted">{facts.filter(Boolean).join(" · ")}</p>
      {/* Focusable, so that the keyboard can scroll it. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: WCAG 2.1.1 asks for it */}
      <pre tabIndex={0} dir="ltr">
        {indented.slice(0, SHOWN)}
      </pre>
      {indented.length > SHOWN && <p class="hint">{countOf(indented.length - SHOWN, "more character")}.</p>}
      {isCut && <p class="hint">Only the first 64 KiB of this frame are kept.</p>}
    </article>
  );
}
