import type { ChildProcess } from "node:child_process";

const children = new Set<ChildProcess>();

/** A worker whose test hangs is ended without its hooks, and must not leave processes behind. */
export function endWithProcess(child: ChildProcess): void {
  if (children.size === 0) {
    process.once("exit", endChildren).once("SIGTERM", terminate).once("SIGINT", interrupt);
  }
  children.add(child);
  child.once("exit", () => {
    children.delete(child);
    if (children.size > 0) return;
    process.off("exit", endChildren).off("SIGTERM", terminate).off("SIGINT", interrupt);
  });
}

/** Without a handler the signal would end the process before its `exit` event. */
const terminate = (): never => process.exit(143);
const interrupt = (): never => process.exit(130);

function endChildren(): void {
  for (const child of children) child.kill("SIGKILL");
}
