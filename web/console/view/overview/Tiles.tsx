import type { VNode } from "preact";

export interface Tile {
  readonly title: string;
  readonly value: string;
  readonly note?: string;
  /** @default false */
  readonly isBad?: boolean;
}

/** The most important figures, large. */
export function Tiles({ tiles }: { readonly tiles: readonly Tile[] }): VNode {
  return (
    <dl class="tiles">
      {tiles.map(({ title, value, note, isBad }) => (
        <div key={title} class={`tile ${isBad ? "bad" : ""}`}>
          <dt>{title}</dt>
          <dd>
            <span class="tile-value">{value}</span>
            <span class="tile-note">{note ?? "\u00a0"}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
