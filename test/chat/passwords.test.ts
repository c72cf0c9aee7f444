import { expect, it } from "vitest";
import { inTurn } from "../../src/chat/accounts/passwords.ts";

it("a client that logs in again and again waits for itself, and for so many logins only", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let begun = 0;
  const flood = Array.from({ length: 52 }, () =>
    inTurn("eve", () => {
      begun++;
      return promise;
    }),
  );
  await expect(inTurn("eve", async () => "no")).rejects.toMatchObject({ code: "unavailable" });
  expect(await inTurn("bob", async () => "at once")).toBe("at once");
  expect(begun).toBe(2);
  resolve();
  await Promise.all(flood);
  expect(begun).toBe(52);
  expect(await inTurn("eve", async () => "again")).toBe("again");
});
