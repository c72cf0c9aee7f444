/** SQLSTATE of an error of PostgreSQL, or the code of one of the system; empty for any other error. */
export const stateOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";

/** The text of an error without secrets. Errors of the client hold values of rows, and the address with its password. */
export function reasonOf(cause: unknown, password = ""): string {
  // Where a name has several addresses, the error has one for each, and no text.
  const [first = cause] = cause instanceof AggregateError ? (cause.errors as unknown[]) : [cause];
  const text = first instanceof Error ? first.message : String(first);
  const code =
    /^[A-Z_]{4,}$/.test(stateOf(first)) && !text.includes(stateOf(first)) ? ` (${stateOf(first)})` : "";
  return scrubbed(text, password) + code;
}

/** Removes the password, credentials of URLs, and names of users and roles. */
function scrubbed(text: string, password: string): string {
  const shown = password === "" ? text : text.replaceAll(password, "***");
  return shown.replace(/:\/\/[^\s]*@/g, "://***@").replace(/\b(user|role) "[^"]*"/g, '$1 "***"');
}
