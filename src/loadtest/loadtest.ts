/**
 * The load tester of `tidings bench`. The bench of this repository imports its frames, clock and calls by file: the processes that it
 * measures should load nothing else.
 */
export type { TokenOf } from "./clients/client.ts";
export { describeTestMachine, fileLimit } from "./measure/machine.ts";
export { clientsOf, type Plan, type ScenarioName, type Target } from "./plan.ts";
export { answerCalls, Caller } from "./processes/calls.ts";
export { drawPage } from "./report/html.ts";
export { formatProgress } from "./report/progress.ts";
export { formatResult } from "./report/text.ts";
export type { LoadReport, ScenarioResult } from "./result.ts";
export type { Progress } from "./run/course.ts";
export { runScenario } from "./run/run-scenario.ts";
export { brokenBounds } from "./run/verdict.ts";
export { type ParsedTarget, parseTarget, shownUrl, sourceAddresses } from "./target.ts";
export type { Credentials, WorkerApi } from "./worker/api.ts";
export { LoadWorker, type TokensOf } from "./worker/load-worker.ts";
