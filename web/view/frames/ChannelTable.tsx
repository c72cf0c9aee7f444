import type { VNode } from "preact";
import type { ChannelRow } from "../../model/frames/frames.ts";

/** Channels that are drawn. */
const SHOWN = 100;

interface Props {
  readonly rows: readonly ChannelRow[];
  readonly onChannel: (channel: string) => void;
}

/** Epoch, offsets and cursor of each channel, the last changed one first. */
export function ChannelTable({ rows, onChannel }: Props): VNode {
  const shown = [...rows].reverse().slice(0, SHOWN);
  return (
    <div class="frame-table">
      <table>
        <thead>
          <tr>
            <th scope="col">Channel</th>
            <th scope="col" title="Highest offset that arrived">
              Received
            </th>
            <th scope="col" title="Offset that this device has acknowledged">
              Cursor
            </th>
            <th scope="col" title="Offset of the last message that this page sent there">
              Sent
            </th>
            <th scope="col">Epoch</th>
            <th scope="col">Recovered</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ channel, epoch, received, cursor, sent, recovered }) => (
            <tr key={channel}>
              <th scope="row">
                <button type="button" class="link" title="Show its frames" onClick={() => onChannel(channel)}>
                  <bdi>{channel}</bdi>
                </button>
              </th>
              <td>{received ?? "–"}</td>
              <td>{cursor ?? "–"}</td>
              <td>{sent ?? "–"}</td>
              <td>{epoch ?? "–"}</td>
              <td>{recovered === undefined ? "–" : recovered ? "yes" : "no: messages are lost"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p class="hint">No channel yet.</p>}
      {rows.length > SHOWN && <p class="hint">{rows.length - SHOWN} more are not shown.</p>}
    </div>
  );
}
