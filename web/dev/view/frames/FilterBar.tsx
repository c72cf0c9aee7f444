import type { VNode } from "preact";
import type { Direction, Frame, FrameFilter } from "../../model/frames/frames.ts";

interface Props {
  readonly filter: FrameFilter;
  /** Frames whose kinds can be chosen. */
  readonly frames: readonly Frame[];
  readonly onFilter: (filter: FrameFilter) => void;
}

/** Kinds that a select offers. A peer cannot add many, but a server of another kind might. */
const MAX_KINDS = 40;

const DIRECTIONS: Readonly<Record<Direction | "", string>> = {
  "": "In and out",
  in: "In",
  out: "Out",
  link: "Connection",
};

export function FilterBar({ filter, frames, onFilter }: Props): VNode {
  const kinds = [...new Set(frames.map(({ kind }) => kind))].sort().slice(0, MAX_KINDS);
  if (filter.kind !== "" && !kinds.includes(filter.kind)) kinds.push(filter.kind);
  return (
    <search class="filters" aria-label="Filter frames">
      <select
        aria-label="Direction"
        value={filter.direction}
        // The options are the only values.
        onChange={({ currentTarget }) =>
          onFilter({ ...filter, direction: currentTarget.value as FrameFilter["direction"] })
        }
      >
        {Object.entries(DIRECTIONS).map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
      </select>
      <select
        aria-label="Kind"
        value={filter.kind}
        onChange={({ currentTarget }) => onFilter({ ...filter, kind: currentTarget.value })}
      >
        <option value="">All kinds</option>
        {kinds.map((kind) => (
          <option key={kind} value={kind}>
            {kind}
          </option>
        ))}
      </select>
      <input
        type="search"
        aria-label="Channel"
        placeholder="Channel"
        value={filter.channel}
        onInput={({ currentTarget }) => onFilter({ ...filter, channel: currentTarget.value })}
      />
      <input
        type="search"
        aria-label="Text"
        placeholder="Text"
        value={filter.text}
        onInput={({ currentTarget }) => onFilter({ ...filter, text: currentTarget.value })}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={filter.pings}
          onChange={({ currentTarget }) => onFilter({ ...filter, pings: currentTarget.checked })}
        />
        Pings
      </label>
    </search>
  );
}
