/**
 * Loads `node:sqlite`, at the first use of a file. Some versions of Node warn that it is experimental: that one warning is left out, because
 * who runs the server can do nothing about it.
 */
export function loadSqlite(): typeof import("node:sqlite") {
  const emit = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emit;
  }
}
