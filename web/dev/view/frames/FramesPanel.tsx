import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, Tabs, usePerFrame } from "../../../shared/shared.ts";
import { EVERY_FRAME } from "../../model/frames/frames.ts";
import { useChat } from "../context.ts";
import { ChannelTable } from "./ChannelTable.tsx";
import { FramesTab } from "./FramesTab.tsx";
import { RequestTable } from "./RequestTable.tsx";
import { useFrames } from "./useFrames.ts";

type Tab = "frames" | "channels" | "requests";

/** All frames of the page's connection, and what they tell about channels and open requests. */
export function FramesPanel({ isNarrow }: { isNarrow: boolean }): VNode {
  const { page, chat } = useChat();
  const { frames: log } = chat;
  usePerFrame(log.version);
  const [tab, setTab] = useState<Tab>("frames");
  const [isTall, setTall] = useState(false);
  const view = useFrames(log);
  const titles: Record<Tab, string> = {
    frames: "Frames",
    channels: `Channels ${log.channels.rows.length}`,
    requests: `Open requests ${log.calls.open.length}`,
  };
  const showChannel = (channel: string): void => {
    view.setFilter({ ...EVERY_FRAME, channel });
    setTab("frames");
  };
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    // The rest of a narrow screen is covered, so the focus must not stay there.
    if (isNarrow) section.current?.querySelector<HTMLElement>("[role=tab]")?.focus();
  }, [isNarrow]);
  const onKeyDown = ({ key, target }: KeyboardEvent): void => {
    // In an input the key clears it.
    if (key !== "Escape" || target instanceof HTMLInputElement) return;
    if (view.selected !== undefined) view.select(undefined);
    else page.toggleFrames();
  };
  return (
    <section
      id="frames"
      class={`frames ${isTall ? "tall" : ""}`}
      aria-label="Frames"
      ref={section}
      onKeyDown={onKeyDown}
    >
      <header class="frames-header">
        <Tabs label="Frames" titles={titles} selected={tab} onSelect={setTab} />
        <span class="grow" />
        <button type="button" class="small only-wide" aria-pressed={isTall} onClick={() => setTall(!isTall)}>
          Taller
        </button>
        <button type="button" class="quiet" aria-label="Close the frames" onClick={() => page.toggleFrames()}>
          <Icon name="close" />
        </button>
      </header>
      <div class="frames-body" role="tabpanel" id={`panel-${tab}`} aria-labelledby={`tab-${tab}`}>
        {tab === "channels" && <ChannelTable rows={log.channels.rows} onChannel={showChannel} />}
        {tab === "requests" && <RequestTable calls={log.calls.open} />}
        {tab === "frames" && <FramesTab view={view} isNarrow={isNarrow} />}
      </div>
    </section>
  );
}
