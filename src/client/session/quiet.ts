/** Marks a rejection as handled: a program that does not await a call must not end for it. */
export function quiet<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => {});
  return promise;
}
