import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { OpenCall } from "../../model/frames/frames.ts";
import { type Column, FrameTable } from "./FrameTable.tsx";
import { durationText, timeText } from "./texts.ts";

const TICK_MS = 500;

const COLUMNS: readonly Column<OpenCall>[] = [
  { name: "Id", cell: ({ id }) => id },
  { name: "Kind", cell: ({ kind }) => kind },
  { name: "Name", cell: ({ name }) => <bdi>{name}</bdi> },
  { name: "Channel", cell: ({ channel }) => <bdi>{channel ?? "–"}</bdi> },
  { name: "Since", cell: ({ at }) => timeText(at) },
];

/** Requests and messages of the present connection that have no reply yet, oldest first. */
export function RequestTable({ calls }: { calls: readonly OpenCall[] }): VNode {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  const age: Column<OpenCall> = { name: "Open for", cell: ({ at }) => durationText(Math.max(0, now - at)) };
  return (
    <FrameTable
      rows={calls}
      columns={[...COLUMNS, age]}
      keyOf={({ id }) => id}
      empty="No request waits for its reply."
    />
  );
}
