import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { OpenCall } from "../../model/frames/frames.ts";
import { durationText, timeText } from "./texts.ts";

/** Requests that are drawn. */
const SHOWN = 100;

const TICK_MS = 500;

/** Requests and messages of the present connection that have no reply yet, oldest first. */
export function RequestTable({ calls }: { calls: readonly OpenCall[] }): VNode {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="frame-table">
      <table>
        <thead>
          <tr>
            <th scope="col">Id</th>
            <th scope="col">Kind</th>
            <th scope="col">Name</th>
            <th scope="col">Channel</th>
            <th scope="col">Since</th>
            <th scope="col">Open for</th>
          </tr>
        </thead>
        <tbody>
          {calls.slice(0, SHOWN).map(({ id, kind, name, channel, at }) => (
            <tr key={id}>
              <th scope="row">{id}</th>
              <td>{kind}</td>
              <td>
                <bdi>{name}</bdi>
              </td>
              <td>
                <bdi>{channel ?? "–"}</bdi>
              </td>
              <td>{timeText(at)}</td>
              <td>{durationText(Math.max(0, now - at))}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {calls.length === 0 && <p class="hint">No request waits for its reply.</p>}
      {calls.length > SHOWN && <p class="hint">{calls.length - SHOWN} more are not shown.</p>}
    </div>
  );
}
