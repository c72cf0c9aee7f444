import { setTimeout as sleep } from "node:timers/promises";

/**
 * Less than a test may take (vitest.config.ts), so that the test fails with the reason and not by its own
 * timeout. On a machine that runs other tests, half a minute is no hang.
 */
const LIMIT_MS = 150_000;

/** Between two looks at the condition: a twentieth of the wait so far, within these bounds. Each look takes time from others. */
const PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 40;

type Truthy<Answer> = Exclude<Answer, false | 0 | "" | null | undefined>;

/**
 * Looks at a condition until it holds, and resolves with its answer. Only for states that no event announces.
 *
 * @param what the state that is waited for, as a main clause: "the node is ready"
 * @throws whatever the condition throws, and an error with `what` in it after the limit
 */
export async function eventually<Answer>(
  what: string,
  condition: () => Answer | Promise<Answer>,
  limitMs = LIMIT_MS,
): Promise<Truthy<Answer>> {
  const deadline = new AbortController();
  const overdue = sleep(limitMs, undefined, { signal: deadline.signal }).then(() => {
    throw new Error(`waited ${limitMs / 1_000} s in vain until ${what}`);
  });
  try {
    // The race, because a condition may hang: a paused Redis answers nothing.
    return await Promise.race([poll(condition, deadline.signal), overdue]);
  } finally {
    deadline.abort();
    overdue.catch(() => undefined); // ended by the abort
  }
}

async function poll<Answer>(
  condition: () => Answer | Promise<Answer>,
  signal: AbortSignal,
): Promise<Truthy<Answer>> {
  const begun = performance.now();
  for (;;) {
    const answer = await condition();
    if (answer) return answer as Truthy<Answer>; // it is neither of the excluded
    const pauseMs = (performance.now() - begun) / 20;
    await sleep(Math.min(Math.max(pauseMs, PAUSE_MS), LONGEST_PAUSE_MS), undefined, { signal });
  }
}
