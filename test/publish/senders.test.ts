import { expect, test } from "vitest";
import { SenderBudgets } from "../../src/publish/publish.ts";

const HOUR_MS = 3_600_000;
/** Bytes that each message costs besides its data. */
const COST = 512;

/** Charges messages until one is refused. @returns how many were accepted */
function accepted(budgets: SenderBudgets, user: string, bytes: number, now: number): number {
  for (let count = 0; ; count++) {
    try {
      budgets.charge(user, bytes, now);
    } catch (error) {
      expect(error).toMatchObject({ code: "rate_limited", retryable: true });
      return count;
    }
  }
}

test("a user stores a budget at once, and after a part of the hour that part again", () => {
  const budgets = new SenderBudgets(100 * (1_000 + COST));

  expect(accepted(budgets, "eve", 1_000, 0)).toBe(100);
  expect(accepted(budgets, "eve", 1_000, HOUR_MS / 4)).toBe(25);
  expect(accepted(budgets, "eve", 1_000, 10 * HOUR_MS)).toBe(100);
});

test("users have budgets of their own", () => {
  const budgets = new SenderBudgets(10 * (1_000 + COST));
  accepted(budgets, "eve", 1_000, 0);

  expect(accepted(budgets, "bob", 1_000, 0)).toBe(10);
});

test("a message that is larger than the budget says when it could be sent, and costs nothing", () => {
  const budgets = new SenderBudgets(10_000);

  expect(() => budgets.charge("eve", 20_000, 0)).toThrow("a user stores at most 10,000 bytes an hour");
  expect(() => budgets.charge("eve", 9_000, 0)).not.toThrow();
});

test("0 is unlimited", () => {
  const budgets = new SenderBudgets(0);

  expect(() => budgets.charge("eve", Number.MAX_SAFE_INTEGER, 0)).not.toThrow();
});
