/** Prints whether a promise of the docs is kept by what was measured, and lets the process end with 1 when it is not. */
export function judge(isKept: boolean, promise: string): void {
  process.stdout.write(`${isKept ? "PASS" : "FAIL"}  ${promise}\n`);
  if (!isKept) process.exitCode = 1;
}
