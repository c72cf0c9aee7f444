import { describe, expect, it } from "vitest";
import { sharedProbe } from "../../src/gateway/gateway.ts";

/** A backplane that answers when the test says so, and counts how often it was asked. */
function slowBackplane() {
  const asked: PromiseWithResolvers<void>[] = [];
  const probe = (): Promise<void> => {
    const answer = Promise.withResolvers<void>();
    asked.push(answer);
    return answer.promise;
  };
  return { probe, asked };
}

describe("a shared probe", () => {
  it("asks once for all who ask while it is under way, and again for those who come later", async () => {
    const { probe: ask, asked } = slowBackplane();
    const probe = sharedProbe({ probe: ask });
    const answers = [probe(), probe(), probe()];
    expect(asked).toHaveLength(1);
    asked[0]?.resolve();
    await Promise.all(answers);
    const later = probe();
    expect(asked).toHaveLength(2);
    asked[1]?.reject(new Error("away"));
    await expect(later).rejects.toThrow("away");
  });

  it("gives up on a backplane that says nothing, without asking it again and again", async () => {
    const { probe: ask, asked } = slowBackplane();
    const probe = sharedProbe({ probe: ask }, 5);
    for (let n = 0; n < 3; n++) await expect(probe()).rejects.toMatchObject({ code: "timeout" });
    expect(asked).toHaveLength(1);
    asked[0]?.reject(new Error("away at last"));
    await expect(probe()).rejects.toThrow("away at last");
    expect(asked).toHaveLength(1);
  });
});
