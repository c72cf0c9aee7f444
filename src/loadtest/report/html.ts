import type { LoadReport, ScenarioResult } from "../result.ts";
import type { ServerReport } from "../server/server.ts";
import { drawChart, escapeHtml } from "./chart.ts";
import { ms, short, whole } from "./numbers.ts";
import {
  countsOf,
  describePlan,
  serverNotes,
  serverOf,
  type Table,
  testerNote,
  timingsOf,
} from "./tables.ts";

/** No script, no font, no request: the page can be kept and sent as one file. */
const STYLE = `
:root { color-scheme: light dark; --text: #1f2328; --quiet: #59636e; --page: #fff; --card: #f6f8fa; --rule: #d1d9e0; --good: #1a7f37; --bad: #cf222e; --c1: #0b6bcb; --c2: #b35900; --c3: #8250df }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --quiet: #9198a1; --page: #0d1117; --card: #151b23; --rule: #3d444d; --good: #3fb950; --bad: #ff7b72; --c1: #4c9bf0; --c2: #f0a04c; --c3: #b392f0 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 24px 16px 64px; max-width: 1100px; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; margin: 0 }
h2 { font-size: 1.2rem; margin: 0 }
p { margin: 4px 0; overflow-wrap: anywhere }
.quiet, small, figcaption small { color: var(--quiet) }
code { font-size: .9em; overflow-wrap: anywhere }
section { margin-top: 32px; border-top: 1px solid var(--rule); padding-top: 20px }
.verdict { font-weight: 600 } .good { color: var(--good) } .bad { color: var(--bad) }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 8px; margin: 16px 0 }
.card { background: var(--card); border-radius: 6px; padding: 8px 12px } .card b { display: block; font-size: 1.2rem } .card span { color: var(--quiet); font-size: .85rem }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; margin: 16px 0 }
figure { margin: 0; background: var(--card); border-radius: 6px; padding: 12px } figcaption { font-weight: 600 } svg { width: 100%; height: auto; display: block }
.grid { stroke: var(--rule); stroke-width: 1 } .tick { fill: var(--quiet); font: 12px system-ui, sans-serif } .line { fill: none; stroke-width: 2; stroke-linejoin: round }
path.c1 { stroke: var(--c1) } path.c2 { stroke: var(--c2) } path.c3 { stroke: var(--c3) } i.c1 { background: var(--c1) } i.c2 { background: var(--c2) } i.c3 { background: var(--c3) }
.legend { font-size: .85rem; color: var(--quiet) } .key { margin-right: 14px; white-space: nowrap } .key i { display: inline-block; width: 12px; height: 3px; margin-right: 5px; vertical-align: middle }
.scroll { overflow-x: auto; margin: 12px 0 } table { border-collapse: collapse; font-variant-numeric: tabular-nums } th, td { text-align: right; padding: 3px 10px; border-bottom: 1px solid var(--rule); white-space: nowrap }
th { color: var(--quiet); font-weight: 500 } th:first-child, td:first-child { text-align: left; padding-left: 0 } .words td:last-child { text-align: left; white-space: normal; color: var(--quiet); overflow-wrap: anywhere }
@media (max-width: 500px) { .tick { font-size: 17px } th, td { padding: 3px 6px; font-size: .85rem } }
`;

/** Draws a report as one HTML page with everything in it. */
export function drawPage(report: LoadReport): string {
  const { machine, version, date, command, targets, passed, scenarios } = report;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Load test of ${escapeHtml(targets.join(", "))}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>Load test</h1>
<p>${escapeHtml(targets.join(", "))}</p>
<p class="quiet">${escapeHtml(date.slice(0, 19).replace("T", " "))} UTC · tidings ${escapeHtml(version)} · tester on ${escapeHtml(machine.cpu)}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${escapeHtml(machine.system)}, Node ${escapeHtml(machine.node)}</p>
<p><code>${escapeHtml(command)}</code></p>
<p class="verdict ${passed ? "good" : "bad"}">${passed ? "Passed" : "Failed"}</p>
${scenarios.map(drawScenario).join("\n")}
</body>
</html>
`;
}

function drawScenario(result: ScenarioResult): string {
  const { scenario, faults, hints, servers, interrupted } = result;
  const verdict =
    faults.length === 0
      ? `<p class="verdict good">Passed</p>`
      : `<p class="verdict bad">Failed: ${escapeHtml(faults.join("; "))}</p>`;
  return `<section>
<h2>${scenario}${interrupted ? " (interrupted)" : ""}</h2>
<p class="quiet">${escapeHtml(describePlan(result))}</p>
${verdict}
${drawCards(result)}
<div class="charts">
${chartsOf(result).join("\n")}
</div>
${drawTable(countsOf(result), "words")}
${drawTable(timingsOf(result))}
${servers.map((server) => drawServer(server, result)).join("\n")}
<p class="quiet">${escapeHtml(testerNote(result))}</p>
${hints.map((hint) => `<p>Note: ${escapeHtml(hint)}</p>`).join("\n")}
</section>`;
}

function drawCards({ timings, totals, lost, connections, sendMs }: ScenarioResult): string {
  const cards: [string, string][] = [[whole(connections.opened), "connections"]];
  const { latency, connect, reconnect } = timings;
  if (totals.sent > 0) {
    cards.push([`${short((1_000 * totals.received) / Math.max(1, sendMs))}/s`, "received"]);
    cards.push(
      [ms(latency.p50), "p50"],
      [ms(latency.p99), "p99"],
      [ms(latency.p999), "p99.9"],
      [ms(latency.max), "max"],
    );
    cards.push(
      [whole(lost), "lost"],
      [whole(totals.duplicates), "duplicates"],
      [whole(totals.reordered), "out of order"],
    );
  } else cards.push([ms(connect.p50), "connect p50"], [ms(connect.p99), "connect p99"]);
  if (reconnect.count > 0) cards.push([ms(reconnect.p99), "reconnect p99"]);
  return `<div class="cards">${cards.map(([value, name]) => `<div class="card"><b>${value}</b><span>${name}</span></div>`).join("")}</div>`;
}

function chartsOf({ series, curve, servers }: ScenarioResult): string[] {
  const rate = (count: number, lengthMs: number): number => (1_000 * count) / Math.max(1, lengthMs);
  const seconds = (atMs: number): number => atMs / 1_000;
  const byTime = { xLabel: "seconds since the run began" };
  const hasMessages = series.some(({ sent }) => sent > 0);
  const charts = [
    drawChart({
      ...{ title: "Connections", unit: "open", ...byTime },
      lines: [{ name: "open", colour: 1, points: series.map(({ atMs, open }) => [seconds(atMs), open]) }],
    }),
  ];
  if (hasMessages) {
    charts.push(
      drawChart({
        ...{ title: "Messages", unit: "per second", ...byTime },
        lines: [
          {
            name: "sent",
            colour: 2,
            points: series.map((each) => [seconds(each.atMs), rate(each.sent, each.lengthMs)]),
          },
          {
            name: "received",
            colour: 1,
            points: series.map((each) => [seconds(each.atMs), rate(each.received, each.lengthMs)]),
          },
        ],
      }),
      drawChart({
        ...{ title: "Latency over time", unit: "milliseconds", ...byTime, logarithmic: true },
        lines: [
          { name: "p50", colour: 1, points: series.map(({ atMs, p50 }) => [seconds(atMs), p50]) },
          { name: "p99", colour: 2, points: series.map(({ atMs, p99 }) => [seconds(atMs), p99]) },
          { name: "max", colour: 3, points: series.map(({ atMs, max }) => [seconds(atMs), max]) },
        ],
      }),
      drawCurve(curve),
    );
  }
  return [...charts, ...servers.flatMap(drawServerCharts)].filter((chart) => chart !== "");
}

/** The horizontal axis is stretched so that each further nine has the same width. */
function drawCurve(curve: ScenarioResult["curve"]): string {
  const place = (share: number): number => -Math.log10(Math.max(1e-9, 1 - share));
  const last = place(curve.at(-1)?.[0] ?? 0);
  const marks = [0, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999]
    .filter((share) => place(share) <= last + 1e-9)
    .map(
      (share) => [place(share), share === 0 ? "0 %" : `${Number((share * 100).toPrecision(8))} %`] as const,
    );
  return drawChart({
    ...{
      title: "Latency by percentile",
      unit: "milliseconds",
      xLabel: "share of the messages",
      logarithmic: true,
      marks,
    },
    lines: [{ name: "latency", colour: 1, points: curve.map(([share, value]) => [place(share), value]) }],
  });
}

function drawServerCharts({ url, samples }: ServerReport): string[] {
  const MIB = 1024 * 1024;
  const megabytes = (value: number | undefined): number | undefined =>
    value === undefined ? undefined : value / MIB;
  const cpu = samples.slice(1).map((sample, index): [number, number | undefined] => {
    const before = samples[index];
    if (sample.cpuSeconds === undefined || before?.cpuSeconds === undefined)
      return [sample.atMs / 1_000, undefined];
    const spent = sample.cpuSeconds - before.cpuSeconds;
    return [sample.atMs / 1_000, (100_000 * spent) / Math.max(1, sample.atMs - before.atMs)];
  });
  return [
    drawChart({
      ...{ title: `CPU of ${url}`, unit: "percent of one core", xLabel: "seconds since the run began" },
      lines: [{ name: "CPU", colour: 1, points: cpu }],
    }),
    drawChart({
      ...{ title: `Memory of ${url}`, unit: "MiB", xLabel: "seconds since the run began" },
      lines: [
        {
          name: "RSS",
          colour: 1,
          points: samples.map(({ atMs, rssBytes }) => [atMs / 1_000, megabytes(rssBytes)]),
        },
        {
          name: "heap",
          colour: 2,
          points: samples.map(({ atMs, heapBytes }) => [atMs / 1_000, megabytes(heapBytes)]),
        },
      ],
    }),
  ];
}

function drawServer(server: ServerReport, result: ScenarioResult): string {
  if (server.problem !== undefined)
    return `<p class="quiet">No figures of ${escapeHtml(server.url)}: ${escapeHtml(server.problem)}</p>`;
  const notes = serverNotes(server, result).map((note) => `<p class="quiet">${escapeHtml(note)}</p>`);
  return `<p>Server ${escapeHtml(server.url)}</p>${drawTable(serverOf(server))}${notes.join("")}`;
}

function drawTable({ header, rows }: Table, kind = ""): string {
  if (rows.length === 0) return "";
  const cells = (line: readonly string[], tag: string): string =>
    `<tr>${line.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  const head = header.every((cell) => cell === "") ? "" : `<thead>${cells(header, "th")}</thead>`;
  const body = rows.map((row) => cells(row, "td")).join("\n");
  return `<div class="scroll"><table class="${kind}">${head}<tbody>${body}</tbody></table></div>`;
}
