/** Seconds between heartbeats: longer than a run. */
export const QUIET_S = 600;

/** Messages that a history keeps. Few, so that what a run stores does not fill the memory. */
export const HISTORY_COUNT = 100;
