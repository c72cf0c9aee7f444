import { describe, expect, test } from "vitest";
import { backplaneContract as contract, type Implementation } from "../../../src/testing/testing.ts";

/** The contract of every backplane, under Vitest. */
export const backplaneContract = (name: string, implementation: Implementation): void =>
  contract({ describe, expect, test }, name, implementation);
