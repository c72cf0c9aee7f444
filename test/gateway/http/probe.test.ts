import { describe, expect, it } from "vitest";
import { sharedProbe } from "../../../src/gateway/gateway.ts";

/** Backplane that answers when the test resolves it, and counts its probes. */
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
  it("asks once for callers while it is in flight, and again for later ones", async () => {
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

  it("times out without an answer, and does not ask a silent backplane again", async () => {
    const { probe: ask, asked } = slowBackplane();
    const probe = sharedProbe({ probe: ask }, 5);
    for (let n = 0; n < 3; n++) await expect(probe()).rejects.toMatchObject({ code: "timeout" });
    expect(asked).toHaveLength(1);
    asked[0]?.reject(new Error("away at last"));
    await expect(probe()).rejects.toThrow("away at last");
    expect(asked).toHaveLength(1);
  });
});
