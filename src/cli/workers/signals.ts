import { printFailure } from "../output.ts";

export interface Closing {
  /** Closes in good order, as the first signal does. Safe to call again. */
  begin(): void;
  readonly hasBegun: boolean;
}

export interface ClosingOptions {
  /** Told on standard error when it begins. @default nothing */
  readonly words?: string;
  /** What is left to do when a second signal ends the process at once. @default nothing */
  readonly onAbort?: () => void;
}

/** The first signal closes in good order and ends the process then, a second one ends it at once. */
export function closeOnSignal(close: () => Promise<void>, { words, onAbort }: ClosingOptions = {}): Closing {
  let hasBegun = false;
  const begin = (): void => {
    if (hasBegun) return;
    hasBegun = true;
    if (words !== undefined) process.stderr.write(`${words}\n`);
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        printFailure(error, false);
        process.exit(1);
      },
    );
  };
  const onSignal = (_: NodeJS.Signals, number: number): void => {
    if (hasBegun) {
      onAbort?.();
      process.exit(128 + number);
    }
    begin();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, onSignal);
  return {
    begin,
    get hasBegun() {
      return hasBegun;
    },
  };
}
