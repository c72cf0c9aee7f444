import { TidingsError, toTidingsError } from "../protocol/protocol.ts";

/** Prints one JSON document on one line. */
export const printJson = (value: unknown): void => print(JSON.stringify(value));

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Formats rows below a header line. A column is as wide as its widest cell. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const pad = (line: string[]) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  return lines.map((line) => pad(line).join("  ").trimEnd()).join("\n");
}

/**
 * Replaces characters that control the terminal, turn the direction of a line round or have no width: users choose their names, and
 * servers their messages.
 */
export const printable = (cell: string): string => cell.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, " ");

/** Prints an error on standard error. Only unexpected errors show their stack. */
export function printFailure(thrown: unknown, json: boolean): void {
  const message = thrown instanceof TidingsError ? thrown.message : messageOf(thrown);
  const { code } = toTidingsError(thrown);
  process.stderr.write(
    `${json ? JSON.stringify({ error: { code, message } }) : `error: ${message.split("\n").map(printable).join("\n")}`}\n`,
  );
}

/** A system error ("address in use") is a message for the operator. Any other error is a bug, so its stack helps. */
function messageOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return "syscall" in thrown || thrown.stack === undefined ? thrown.message : thrown.stack;
}
