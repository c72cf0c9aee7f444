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

/**
 * Reads the configuration again on SIGHUP. A configuration that is not valid is reported and changes nothing. On a terminal SIGHUP
 * ends the process as usual: it says that the terminal was closed.
 */
export function rereadOnHangup(reread: () => void): void {
  if (process.stdout.isTTY === true) return;
  process.on("SIGHUP", () => {
    try {
      reread();
      process.stderr.write(
        "SIGHUP: the limits of the configuration are in force, other settings need a restart\n",
      );
    } catch (error) {
      printFailure(error, false);
    }
  });
}
