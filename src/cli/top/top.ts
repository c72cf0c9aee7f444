/** The live view of a cluster in a terminal: snapshots of the HTTP API, a screen that is a function of them, and the terminal. */
export { renderTop, SORTS, type Sort, type View } from "./screen.ts";
export { Snapshot } from "./snapshot.ts";
export { watchTop } from "./terminal.ts";
