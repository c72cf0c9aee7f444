import { accessSync, constants } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** Directories of programs for administrators, nginx among them, which are not on everyone's path. */
const MORE = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/**
 * To be called at the top of the module that runs a tool of the system: each test file that imports it fails with one
 * clear line where the tool is missing, and the others run.
 *
 * @param names the commands or their paths, of which one is enough
 * @throws Error that names the first of them
 */
export function needs(...names: readonly string[]): void {
  if (!names.some(isInstalled)) throw new Error(`needs ${names[0]}, which is not installed`);
}

function isInstalled(name: string): boolean {
  const directories = isAbsolute(name) ? [""] : [...(process.env.PATH ?? "").split(delimiter), ...MORE];
  return directories.some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
