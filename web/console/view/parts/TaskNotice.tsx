import type { VNode } from "preact";
import { Notice } from "../../../shared/shared.ts";
import type { Task } from "./useTask.ts";

/** Says what a task has done, or why it failed. */
export function TaskNotice({ task: { done, error, dismiss } }: { readonly task: Task }): VNode | null {
  if (error !== undefined)
    return (
      <Notice tone="bad" onDismiss={dismiss}>
        {error}
      </Notice>
    );
  return done === undefined ? null : (
    <Notice tone="good" onDismiss={dismiss}>
      {done}
    </Notice>
  );
}
