import type { ChildProcess } from "node:child_process";

const children = new Set<ChildProcess>();

/** A worker whose test hangs is ended without its hooks, and must not leave processes behind. */
export function endWithProcess(child: ChildProcess): void {
  if (children.size === 0) process.once("exit", endChildren).once("SIGTERM", terminate);
  children.add(child);
  child.once("exit", () => {
    children.delete(child);
    if (children.size === 0) process.off("exit", endChildren).off("SIGTERM", terminate);
  });
}

/** Without a handler the signal would end the process before its `exit` event. */
const terminate = (): never => process.exit(143);

function endChildren(): void {
  for (const child of children) child.kill("SIGKILL");
}
