/** The load tester: `tidings bench`, and what the bench of this repository shares with it. */
export { type ClientEvent, type TokenOf, wordsOf } from "./clients/client.ts";
export { machineUs } from "./measure/clock.ts";
export { Histogram, type Percentiles } from "./measure/histogram.ts";
export { describeTestMachine, fileLimit, type TestMachine } from "./measure/machine.ts";
export { clientsOf, type Plan, type ScenarioName, type Target, userOf } from "./plan.ts";
export { answerCalls, Caller, type Calls } from "./processes/calls.ts";
export { drawPage } from "./report/html.ts";
export { formatProgress } from "./report/progress.ts";
export { formatResult } from "./report/text.ts";
export type { LoadReport, ScenarioResult } from "./result.ts";
export type { Progress } from "./run/course.ts";
export { type RunOptions, runScenario } from "./run/run-scenario.ts";
export { type Bounds, brokenBounds } from "./run/verdict.ts";
export type { WorkerPort } from "./run/workers.ts";
export { clientPong, clientText, type FrameSink, headerLength, payloadLength } from "./socket/frames.ts";
export { isLoopback, type ParsedTarget, parseTarget, sourceAddresses } from "./target.ts";
export type { Credentials, WorkerApi } from "./worker/api.ts";
export { LoadWorker, type TokensOf } from "./worker/load-worker.ts";
