import { homedir } from "node:os";
import { join } from "node:path";
import { run } from "../package/build.ts";
import { REPOSITORY } from "../support/repository.ts";
import { needs } from "../support/tools.ts";

/** What an operator gets: deploy/ of the repository. */
export const DEPLOY = join(REPOSITORY, "deploy");

/** Where scripts/install-python-tools.sh puts Helm and the schemas of Kubernetes. */
const TOOLS = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tidings/deploy/bin");

/** Requires one of these tools. @returns a function that runs it to its end, and gives what it printed */
export function pythonTool(name: string): (...args: readonly string[]) => Promise<string> {
  const path = join(TOOLS, name);
  needs(path);
  return async (...args) => (await run(path, args, { maxBuffer: 1 << 24 })).stdout;
}

/** Programs for administrators are not on everyone's path. */
export const ADMIN_PATH = `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin`;
