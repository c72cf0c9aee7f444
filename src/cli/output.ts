import { TidingsError, toTidingsError } from "../protocol/protocol.ts";

/** One JSON document on a line of its own. */
export const printJson = (value: unknown): void => print(JSON.stringify(value));

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Rows under a header line, in columns as wide as their widest cell. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const pad = (line: string[]) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  return lines.map((line) => pad(line).join("  ").trimEnd()).join("\n");
}

/** Without control characters: what others have chosen must not steer the terminal. */
const printable = (cell: string): string => cell.replaceAll(/\p{Cc}/gu, " ");

/** Says what went wrong, on standard error. The stack is shown only for what should never happen. */
export function printFailure(thrown: unknown, json: boolean): void {
  const message = thrown instanceof TidingsError ? thrown.message : messageOf(thrown);
  const { code } = toTidingsError(thrown);
  process.stderr.write(`${json ? JSON.stringify({ error: { code, message } }) : `error: ${message}`}\n`);
}

/** Failures of the system ("address in use") are messages for people; the stack of any other is for us. */
function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return "syscall" in thrown || thrown.stack === undefined ? thrown.message : thrown.stack;
}
