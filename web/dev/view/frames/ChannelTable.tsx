import type { VNode } from "preact";
import type { ChannelRow } from "../../model/frames/frames.ts";
import { type Column, FrameTable } from "./FrameTable.tsx";

interface Props {
  readonly rows: readonly ChannelRow[];
  readonly onChannel: (channel: string) => void;
}

const COLUMNS: readonly Column<ChannelRow>[] = [
  { name: "Received", title: "Highest offset that arrived", cell: ({ received }) => received },
  { name: "Cursor", title: "Offset that this device has acknowledged", cell: ({ cursor }) => cursor },
  { name: "Sent", title: "Offset of the last message that this page sent there", cell: ({ sent }) => sent },
  { name: "Epoch", cell: ({ epoch }) => epoch },
  { name: "Recovered", cell: ({ recovered }) => recoveryText(recovered) },
];

/** Epoch, offsets and cursor of each channel, the last changed one first. */
export function ChannelTable({ rows, onChannel }: Props): VNode {
  const link: Column<ChannelRow> = {
    name: "Channel",
    cell: ({ channel }) => (
      <button type="button" class="link" title="Show its frames" onClick={() => onChannel(channel)}>
        <bdi>{channel}</bdi>
      </button>
    ),
  };
  return (
    <FrameTable
      rows={rows.toReversed()}
      columns={[link, ...COLUMNS]}
      keyOf={({ channel }) => channel}
      empty="No channel yet."
    />
  );
}

function recoveryText(recovered: boolean | undefined): string | undefined {
  if (recovered === undefined) return undefined;
  return recovered ? "yes" : "no: messages are lost";
}
