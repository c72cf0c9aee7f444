import { printFailure } from "../output.ts";

export interface Closing {
  /** Starts a graceful close, as the first signal does. Later calls have no effect. */
  begin(): void;
  readonly hasBegun: boolean;
}

export interface ClosingOptions {
  /** Printed on standard error when the close begins. @default nothing */
  readonly message?: string;
  /** Runs before a second signal ends the process. @default nothing */
  readonly onAbort?: () => void;
}

/**
 * Closes on SIGTERM and SIGINT. The first signal starts a graceful close and the process exits after it. A second
 * signal ends the process at once.
 */
export function closeOnSignal(
  close: () => Promise<void>,
  { message, onAbort }: ClosingOptions = {},
): Closing {
  let hasBegun = false;
  const begin = (): void => {
    if (hasBegun) return;
    hasBegun = true;
    if (message !== undefined) process.stderr.write(`${message}\n`);
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
