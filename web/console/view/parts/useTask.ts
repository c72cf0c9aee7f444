import { useState } from "preact/hooks";
import { messageOf } from "../../model/api.ts";

export interface Task {
  readonly isRunning: boolean;
  /** What the last run has done. */
  readonly done: string | undefined;
  readonly error: string | undefined;
  /** Runs something, one at a time. @param work returns what it has done */
  readonly run: (work: () => Promise<string>) => Promise<boolean>;
  readonly dismiss: () => void;
}

/** Something that the user starts, with its outcome. */
export function useTask(): Task {
  const [state, setState] = useState<Pick<Task, "isRunning" | "done" | "error">>(IDLE);
  return {
    ...state,
    async run(work) {
      if (state.isRunning) return false;
      setState({ ...IDLE, isRunning: true });
      try {
        setState({ ...IDLE, done: await work() });
        return true;
      } catch (error) {
        setState({ ...IDLE, error: messageOf(error) });
        return false;
      }
    },
    dismiss: () => setState(IDLE),
  };
}

const IDLE = { isRunning: false, done: undefined, error: undefined };
