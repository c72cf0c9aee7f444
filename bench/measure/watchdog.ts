/** A call that takes longer has lost a message or a connection. */
const WATCHDOG_MS = 60_000;

/** Fails with what has arrived when an answer is overdue. */
export async function watched<Result>(
  answer: Promise<Result>,
  name: string,
  tally: () => Promise<unknown>,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(async () => {
      const arrived = JSON.stringify(await tally());
      reject(new Error(`${name}: no answer in ${WATCHDOG_MS} ms; arrived ${arrived}`));
    }, WATCHDOG_MS);
  });
  try {
    return await Promise.race([answer, overdue]);
  } finally {
    clearTimeout(timer);
  }
}
