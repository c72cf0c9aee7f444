/**
 * Microseconds of CLOCK_MONOTONIC, which on Linux all processes of a machine share, so a time taken in the server
 * can be compared in a receiver. (Bun counts from the start of its process instead.)
 */
export const machineUs = (): number => Number(process.hrtime.bigint() / 1000n);
