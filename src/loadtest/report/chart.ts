import { short } from "./numbers.ts";

/** A line of a chart. Points without a value leave a hole. */
export interface Line {
  readonly name: string;
  /** Which of the page's colours. */
  readonly colour: 1 | 2 | 3;
  readonly points: readonly (readonly [x: number, y: number | undefined])[];
}

export interface ChartOptions {
  readonly title: string;
  /** Unit of the values, and what the horizontal axis is. */
  readonly unit: string;
  readonly xLabel: string;
  readonly lines: readonly Line[];
  /** Steps of the vertical axis are powers of ten. */
  readonly logarithmic?: boolean;
  /** Marks of the horizontal axis: place and text. Default: round numbers. */
  readonly marks?: readonly (readonly [number, string])[];
}

const WIDTH = 640;
const HEIGHT = 240;
const LEFT = 64;
const RIGHT = 24;
const TOP = 12;
const BOTTOM = 40;

/** Draws a chart as inline SVG, which scales with the page. Colours are the page's. Empty without values. */
export function drawChart({ title, unit, xLabel, lines, logarithmic = false, marks }: ChartOptions): string {
  const all = lines
    .flatMap(({ points }) => points)
    .filter((point): point is [number, number] => point[1] !== undefined);
  if (all.length < 2) return "";
  const xs = all.map(([x]) => x);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const y = scaleOf(
    all.map(([, value]) => value),
    logarithmic,
  );
  const xAt = (x: number): number =>
    LEFT + ((WIDTH - LEFT - RIGHT) * (x - left)) / Math.max(1e-9, right - left);
  const yAt = (value: number): number => HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y.place(value);
  const grid = y.ticks.map(
    (tick) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(yAt(tick))}" y2="${at(yAt(tick))}"/>` +
      `<text class="tick" x="${LEFT - 6}" y="${at(yAt(tick) + 4)}" text-anchor="end">${short(tick)}</text>`,
  );
  const bottom = (marks ?? stepsIn(left, right).map((x) => [x, short(x)] as const)).map(
    ([x, text]) =>
      `<text class="tick" x="${at(xAt(x))}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${escapeHtml(text)}</text>`,
  );
  const paths = lines.map((line) => `<path class="line c${line.colour}" d="${pathOf(line, xAt, yAt)}"/>`);
  const legend = lines
    .map(({ name, colour }) => `<span class="key"><i class="c${colour}"></i>${escapeHtml(name)}</span>`)
    .join("");
  return `<figure>
<figcaption>${escapeHtml(title)} <small>${escapeHtml(unit)}</small></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(title)}">
${grid.join("\n")}
${bottom.join("\n")}
<text class="tick" x="${(WIDTH + LEFT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(xLabel)}</text>
${paths.join("\n")}
</svg>
<div class="legend">${legend}</div>
</figure>`;
}

interface Scale {
  readonly ticks: readonly number[];
  /** Place of a value, 0 at the bottom and 1 at the top. */
  place(value: number): number;
}

function scaleOf(values: readonly number[], logarithmic: boolean): Scale {
  const most = Math.max(...values, 1e-9);
  if (!logarithmic) {
    const step = niceStep(most / 4);
    const top = Math.ceil(most / step) * step;
    return {
      ticks: Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step),
      place: (value) => value / top,
    };
  }
  const least = Math.max(1e-3, Math.min(...values.filter((value) => value > 0), most));
  const [low, high] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(most) + 1e-9)];
  const range = Math.max(1, high - low);
  return {
    ticks: Array.from({ length: range + 1 }, (_, index) => 10 ** (low + index)),
    place: (value) => Math.max(0, (Math.log10(Math.max(value, 10 ** low)) - low) / range),
  };
}

/** Round numbers within a range. */
function stepsIn(left: number, right: number): number[] {
  const step = niceStep((right - left) / 6);
  const first = Math.ceil(left / step);
  return Array.from({ length: Math.floor(right / step) - first + 1 }, (_, index) => (first + index) * step);
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-9)));
  return ([1, 2, 5].find((step) => step * power >= rough) ?? 10) * power;
}

function pathOf({ points }: Line, xAt: (x: number) => number, yAt: (y: number) => number): string {
  let isDown = false;
  return points
    .map(([x, value]) => {
      if (value === undefined) {
        isDown = false;
        return "";
      }
      const command = isDown ? "L" : "M";
      isDown = true;
      return `${command}${at(xAt(x))} ${at(yAt(value))}`;
    })
    .join("");
}

const at = (value: number): string => value.toFixed(1);

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for HTML, attributes included. */
export const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? "");
