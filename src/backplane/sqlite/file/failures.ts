import { TidingsError } from "../../../protocol/protocol.ts";

/** Result codes of SQLite, https://sqlite.org/rescode.html, and what they mean for an operator. */
const CAUSES: Readonly<Record<number, string>> = {
  5: "another process has locked the file",
  8: "the file or its directory cannot be written",
  10: "the disk fails to read or write",
  11: "the file is damaged",
  13: "the disk is full",
  14: "the file cannot be opened",
  26: "the file is damaged, or is no database",
};

const codeOf = (error: unknown): number | undefined =>
  typeof error === "object" && error !== null && "errcode" in error
    ? Number(error.errcode) & 0xff
    : undefined;

/** Tells why the file failed, without its path: clients may read it. Undefined for an error that is not the file's. */
export function causeOf(error: unknown): string | undefined {
  const code = codeOf(error);
  return code === undefined ? undefined : (CAUSES[code] ?? `SQLite answers ${code}`);
}

/** Makes the error of a call that the file failed. An error of another kind stays as it is. */
export function unavailable(error: unknown): unknown {
  const cause = causeOf(error);
  if (cause === undefined) return error;
  return new TidingsError("unavailable", `data: ${cause}`, { cause: error });
}

/** Runs a read. @throws TidingsError `unavailable` when the file fails */
export function reading<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw unavailable(error);
  }
}
