import type { ReadonlySignal } from "@preact/signals";
import { useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Columns } from "../../model/hour.ts";
import type { SeriesName } from "../../model/replies.ts";

interface Line {
  readonly series: SeriesName;
  readonly label: string;
}

interface Props {
  readonly title: string;
  /** At most two: the first has the accent colour. */
  readonly lines: readonly Line[];
  readonly columns: ReadonlySignal<Columns>;
  readonly format: (value: number) => string;
  /** The value axis has steps of this times a power of two, so that bytes are round. @default steps that are round decimals */
  readonly unit?: number | undefined;
}

const HEIGHT = 130;

/** Least length of the time axis, in seconds, for a node that has just started. */
const LEAST_SECONDS = 60;

/** Names of the colours of the lines, in style/tokens.css. */
const COLOURS = ["accent", "edge"] as const;

/** A chart of the last hour. Its newest values stand beside the title, so nobody needs to see the lines. */
export function Chart({ title, lines, columns, format, unit }: Props): VNode {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    let remove = (): void => undefined;
    // A task for each chart: together they would block the page for too long.
    const timer = setTimeout(() => {
      const colours = coloursOf(element);
      const made = new uPlot(
        optionsOf(element, { lines, format, unit }, colours),
        dataOf(columns.peek(), lines),
        element,
      );
      chart.current = made;
      const ends = [
        whenResized(element, () => made.setSize({ width: element.clientWidth, height: HEIGHT })),
        whenRecoloured(() => {
          Object.assign(colours, coloursOf(element));
          made.redraw(false);
        }),
        () => made.destroy(),
      ];
      remove = () => {
        for (const end of ends) end();
      };
    });
    return () => {
      clearTimeout(timer);
      remove();
    };
  }, []);
  useSignalEffect(() => {
    // Read before the chart is there, so that the effect runs again.
    const data = dataOf(columns.value, lines);
    chart.current?.setData(data);
  });
  const newest = lines.map(({ series, label }) => {
    const value = columns.value.series[series].at(-1) ?? null;
    return { label, text: value === null ? "–" : format(value) };
  });
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        {newest.map(({ label, text }, index) => (
          <span key={label} class={`chart-value line-${index}`}>
            {lines.length > 1 && <span class="muted">{label} </span>}
            {text}
          </span>
        ))}
      </figcaption>
      <div
        class="chart-place"
        ref={place}
        role="img"
        aria-label={`${title} in the last hour, now ${newest.map(({ label, text }) => `${label} ${text}`).join(", ")}`}
      />
    </figure>
  );
}

function whenResized(element: HTMLElement, changed: () => void): () => void {
  const observer = new ResizeObserver(changed);
  observer.observe(element);
  return () => observer.disconnect();
}

/** Calls a function when the system, or the user, changes the colours. */
function whenRecoloured(changed: () => void): () => void {
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", changed);
  const chosen = new MutationObserver(changed);
  chosen.observe(document.documentElement, { attributeFilter: ["class"] });
  return () => {
    scheme.removeEventListener("change", changed);
    chosen.disconnect();
  };
}

type Colours = Record<"accent" | "edge" | "muted" | "line", string>;

/** The colours of the page as a canvas knows them. @param element by whose style they are read */
function coloursOf(element: HTMLElement): Colours {
  const colour = (name: keyof Colours): string => {
    element.style.color = `var(--${name})`;
    return getComputedStyle(element).color;
  };
  return { accent: colour("accent"), edge: colour("edge"), muted: colour("muted"), line: colour("line") };
}

/** @param colours read at every drawing */
function optionsOf(
  element: HTMLElement,
  { lines, format, unit }: Pick<Props, "lines" | "format" | "unit">,
  colours: Colours,
): uPlot.Options {
  const axis = {
    stroke: () => colours.muted,
    font: "11px system-ui, sans-serif",
    ticks: { show: false },
    grid: { stroke: () => colours.line, width: 1 },
  };
  return {
    width: Math.max(element.clientWidth, 100),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 20, 0, 0],
    scales: { y: { range: (_chart, _low, high) => [0, Math.max((high ?? 0) * 1.15, unit ?? 1)] } },
    axes: [
      {
        ...axis,
        size: 22,
        space: 70,
        values: (_chart, times, _axis, _space, step) => times.map(step < 60 ? secondOf : minuteOf),
      },
      { ...axis, ...stepsOf(unit), size: 62, space: 34, values: (_chart, values) => values.map(format) },
    ],
    series: [
      {},
      ...lines.map((_, index) => ({
        stroke: () => colours[COLOURS[index] ?? "muted"],
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}

const stepsOf = (unit: number | undefined): uPlot.Axis =>
  unit === undefined ? {} : { incrs: Array.from({ length: 24 }, (_, power) => unit * 2 ** power) };

const minutes = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const seconds = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

const minuteOf = (at: number): string => minutes.format(at * 1_000);
const secondOf = (at: number): string => seconds.format(at * 1_000);

/** The columns of a chart. They begin with a place without values where they are shorter than a minute: an empty chart has a time axis, too. */
function dataOf({ times, series }: Columns, lines: readonly Line[]): uPlot.AlignedData {
  const end = times.at(-1) ?? Date.now() / 1_000;
  const begin = end - LEAST_SECONDS;
  if (times.length === 0) return [[begin, end], ...lines.map(() => [null, null])];
  const isShort = times[0] !== undefined && times[0] > begin;
  const values = lines.map((line) => (isShort ? [null, ...series[line.series]] : series[line.series]));
  return [isShort ? [begin, ...times] : times, ...values] as uPlot.AlignedData; // it writes to none of them
}
