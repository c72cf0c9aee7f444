/**
 * Prints `N passed, N failed` from the report of vitest's JSON reporter. A failure outside of tests counts as one
 * test: a file that could not be loaded, an error that no test caught, a run that left no report.
 *
 *   node scripts/ci-summary.mjs REPORT EXIT_CODE
 */
import { readFileSync } from "node:fs";

const [path = "", exitCode = "0"] = process.argv.slice(2);

function readReport() {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  }
}

const { numPassedTests, numFailedTests, testResults } = readReport();
const brokenFiles = testResults.filter(
  ({ status, assertionResults }) =>
    status === "failed" && !assertionResults.some((test) => test.status === "failed"),
);
const found = numFailedTests + brokenFiles.length;
const failed = found === 0 && exitCode !== "0" ? 1 : found;

console.log(`${numPassedTests} passed, ${failed} failed`);
