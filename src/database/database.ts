/** What all users of SQL databases share: the clients, loaded only for those who use them, and errors without secrets. */
export { loadPg, passwordIn, poolOf } from "./pg.ts";
export { reasonOf, stateOf } from "./reason.ts";
export { loadSqlite } from "./sqlite.ts";
