/** The part of a test runner that the contract needs, as Vitest, Jest and Bun have it. */
export interface Runner {
  readonly describe: (name: string, declare: () => void) => unknown;
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  readonly expect: Expect;
}

/** The part of a runner that the tests themselves use. */
export type Tests = Omit<Runner, "describe">;

export interface Expect {
  (value: unknown): Matchers & Reversible;
  /** Equal to every value of a type. */
  any(type: unknown): unknown;
  /** Equal to every value but `null` and `undefined`. */
  anything(): unknown;
}

interface Reversible {
  readonly not: Matchers;
  readonly resolves: AsyncMatchers;
  readonly rejects: AsyncMatchers;
}

interface Matchers {
  toBe(expected: unknown): void;
  toBeGreaterThan(expected: number): void;
  toBeGreaterThanOrEqual(expected: number): void;
  toBeLessThan(expected: number): void;
  toBeLessThanOrEqual(expected: number): void;
  toBeUndefined(): void;
  toContain(expected: unknown): void;
  toContainEqual(expected: unknown): void;
  toEqual(expected: unknown): void;
  toHaveLength(expected: number): void;
  toHaveProperty(name: string, expected?: unknown): void;
  toMatchObject(expected: object): void;
}

interface AsyncMatchers {
  toBeUndefined(): Promise<void>;
  toMatchObject(expected: object): Promise<void>;
  toThrow(): Promise<void>;
}
