/** Shared by all users of SQL databases: the clients, loaded at the first use, and errors without secrets. */
export { loadPg, passwordIn, poolOf } from "./pg.ts";
export { reasonOf, stateOf } from "./reason.ts";
export { leadsTo, loadSqlite, makeFile } from "./sqlite.ts";
