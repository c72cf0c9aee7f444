import { formatNumber, type Results } from "../report/tables.ts";
import type { FigureName, RowName } from "../scenario.ts";
import { titleOf } from "../titles.ts";
import { FULL } from "./scale.ts";
import { caseOf } from "./scenario.ts";
import { flowCase } from "./scenarios/throughput.ts";

const HELD = caseOf({ users: FULL.users, hasClients: false });
const CLIENTS = caseOf({ users: FULL.sockets, hasClients: true });
const FLOW = flowCase(HELD, Math.max(...FULL.perTick));

type Column = readonly [title: string, figure: FigureName];

const RATES: readonly Column[] = [
  ["messages/s, a core for each process", "perCoreSecond"],
  ["on this machine", "perSecond"],
  ["CPU of A", "senderUs"],
  ["of B", "receiverUs"],
  ["of Redis", "redisUs"],
];
const DELAYS: readonly Column[] = [
  ["messages/s", "perSecond"],
  ["p50, ms", "p50Ms"],
  ["p99, ms", "p99Ms"],
  ["taken by the host, %", "stolenPercent"],
  ["times measured", "tries"],
];

/** The tables that docs/CLUSTER.md shows of these results: medians. CPU is microseconds per message. */
export function clusterTables({ date, machine, rows }: Pick<Results, "date" | "machine" | "rows">): string {
  const cell = (scenario: string, name: string, contender: RowName, figure: FigureName): string => {
    const row = rows.find(
      (each) => each.scenario === scenario && each.case === name && each.contender === contender,
    );
    const median = row?.figures[figure]?.median;
    return median === undefined ? "" : formatNumber(median);
  };
  const table = (title: string, scenario: string, name: string, columns: readonly Column[]): string => {
    const own = rows.filter((row) => row.scenario === scenario && row.case === name);
    const lines = own.map(({ contender }) => [
      titleOf(contender),
      ...columns.map(([, figure]) => cell(scenario, name, contender, figure)),
    ]);
    return [[title, ...columns.map(([heading]) => heading)], columns.map(() => "---").concat("---"), ...lines]
      .map((cells) => `| ${cells.join(" | ")} |`)
      .join("\n");
  };
  const { cpu, cores, kernel, node } = machine;
  return [
    table("ephemeral", "ephemeral", FLOW, RATES),
    table("stored", "stored", FLOW, RATES),
    table("latency from A to B, the busiest process at half a core", "latency", HELD, DELAYS),
    table("the same to clients of B, through its sockets", "latency", CLIENTS, DELAYS),
    `${date.slice(0, 10)}, ${cpu}, ${cores} cores for A, B and Redis, ${kernel}, Node ${node}.`,
  ].join("\n\n");
}
