import type { Distribution } from "../../protocol/protocol.ts";
import type { JsonMetric } from "./registry.ts";

type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly metricName: string;
  readonly labels: Labels;
  readonly value: number;
}

/** A histogram of one or several distributions, each with its labels. */
export interface Histogram {
  readonly name: string;
  readonly help: string;
  readonly parts: readonly (readonly [Labels, Distribution])[];
}

const seriesOf = ({ name, parts }: Histogram): Series[] =>
  parts.flatMap(([labels, distribution]) => seriesOfPart(name, labels, distribution));

/** The series of a distribution, in the form and the order of Prometheus: buckets, sum, count. */
function seriesOfPart(name: string, labels: Labels, { bounds, counts, count, sum }: Distribution): Series[] {
  const series: Series[] = [];
  let below = 0;
  for (const [index, values] of counts.entries()) {
    below += values;
    const le = String(bounds[index] ?? "+Inf");
    series.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: below });
  }
  series.push({ metricName: `${name}_sum`, labels, value: sum });
  series.push({ metricName: `${name}_count`, labels, value: count });
  return series;
}

/** A value of a label, as the text format has it. */
const escaped = (text: string): string =>
  text.replace(/[\\"\n]/g, (each) => (each === "\n" ? "\\n" : `\\${each}`));

/** Renders a histogram in the text format of Prometheus: HELP, TYPE, and series. */
export function histogramText(histogram: Histogram): string {
  const { name, help } = histogram;
  const lines = seriesOf(histogram).map(({ metricName, labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${metricName}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...lines].join("\n");
}

export function histogramJson(histogram: Histogram): JsonMetric {
  const { name, help } = histogram;
  return { name, help, type: "histogram", aggregator: "sum", values: seriesOf(histogram) };
}
