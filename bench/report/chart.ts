import type { Row } from "../scenario.ts";
import { fanoutCase, PER_TICK } from "../scenarios/fanout.ts";
import { titleOf } from "../titles.ts";
import { formatNumber, type Results } from "./tables.ts";

const WIDTH = 760;
const LABEL_WIDTH = 170;
const VALUE_WIDTH = 90;
const BAR_HEIGHT = 18;
const BAR_GAP = 6;
const PANEL_GAP = 34;
const TOP = 78;

/** Colours for a light page and for a dark one; the background is the page's own. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 17px; font-weight: 600 }
  .panel { font-weight: 600 }
  .quiet { fill: #59636e; font-size: 12px }
  .own { fill: #0b6bcb }
  .other { fill: #a9b4bf }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .own { fill: #4c9bf0 }
    .other { fill: #59636e }
  }`;

/** A chart of what one delivery costs, as an SVG document. */
export function drawFanout({ rows, machine, date }: Results, connections: number): string {
  let y = TOP;
  const panels = PER_TICK.map((perTick) => {
    const panel = drawPanel(rows, fanoutCase(connections, perTick), perTick, y);
    y += panel.height + PANEL_GAP;
    return panel.svg;
  });
  const place = `${machine.cpu}, ${machine.cores} cores · Node ${machine.node} · Bun ${machine.bun} · ${date.slice(0, 10)} · npm run bench`;
  const height = y + 6;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">
<style>${STYLE}
</style>
<text id="title" class="title" x="0" y="20">Server CPU time per delivered message, ${connections.toLocaleString("en")} connections</text>
<text class="quiet" x="0" y="40">Microseconds; shorter is better. Each group of bars has a scale of its own.</text>
${panels.join("\n")}
<text class="quiet" x="0" y="${height - 8}">${escapeXml(place)}</text>
</svg>
`;
}

function drawPanel(
  rows: readonly Row[],
  name: string,
  perTick: number,
  top: number,
): { svg: string; height: number } {
  const bars = rows
    .filter((row) => row.scenario === "fanout" && row.case === name)
    .map((row) => ({ contender: row.contender, value: row.figures.cpuUs?.median ?? 0 }));
  const longest = Math.max(...bars.map(({ value }) => value));
  const lines = bars.map(({ contender, value }, index) => {
    const y = top + 10 + index * (BAR_HEIGHT + BAR_GAP);
    const width = Math.max(1, ((WIDTH - LABEL_WIDTH - VALUE_WIDTH) * value) / longest);
    const text = y + BAR_HEIGHT - 5;
    return `<text x="${LABEL_WIDTH - 8}" y="${text}" text-anchor="end">${escapeXml(titleOf(contender))}</text>
<rect class="${contender.startsWith("tidings") ? "own" : "other"}" x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>
<text x="${(LABEL_WIDTH + width + 8).toFixed(1)}" y="${text}">${formatNumber(value)} µs</text>`;
  });
  const heading = `<text class="panel" x="0" y="${top}">${perTick} ${perTick === 1 ? "message" : "messages"} per tick</text>`;
  return { svg: [heading, ...lines].join("\n"), height: 10 + bars.length * (BAR_HEIGHT + BAR_GAP) };
}

const escapeXml = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
