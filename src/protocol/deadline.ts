import { TidingsError } from "./errors.ts";

/**
 * Runs work that may hang, under a deadline. The work is not cancelled: its late result is ignored.
 * @param what names the work in the error
 * @throws TidingsError `timeout` when the work takes longer than `timeoutMs`
 */
export async function within<Result>(
  timeoutMs: number,
  what: string,
  work: () => Promise<Result>,
): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const overdue = new Promise<never>((_, reject) => {
    const fail = (): void =>
      reject(new TidingsError("timeout", `${what} did not answer within ${timeoutMs} ms`));
    timer = setTimeout(fail, timeoutMs);
  });
  try {
    return await Promise.race([work(), overdue]);
  } finally {
    clearTimeout(timer);
  }
}
