/** The data directory as a whole: written as JSON lines, read from them, and checked. */
export { type Checked, checkData } from "./check.ts";
export { exportData } from "./export.ts";
export { type Imported, type ImportOptions, importData } from "./import.ts";
