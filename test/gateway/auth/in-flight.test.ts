import { expect, test } from "vitest";
import { type Authenticator, developmentAuth, withLimits } from "../../../src/gateway/auth/auth.ts";
import type { TidingsError } from "../../../src/protocol/protocol.ts";
import { eventually } from "../../support/eventually.ts";

/** An authenticator whose calls end when the test says so. */
function hanging() {
  const calls: PromiseWithResolvers<void>[] = [];
  const authenticator: Authenticator = {
    mode: "token",
    async authenticate({ token = "" }) {
      const call = Promise.withResolvers<void>();
      calls.push(call);
      await call.promise;
      return { user: token };
    },
  };
  return { calls, authenticator };
}

test("calls of an authenticator that hangs are bounded: some wait for a place, further ones are told to try again", async () => {
  const { calls, authenticator } = hanging();
  const limited = withLimits(authenticator, { calls: 2, waiting: 1, timeoutMs: 60_000 });
  const logins = ["a", "b", "c"].map((token) => limited.authenticate({ token }));

  await expect(limited.authenticate({ token: "d" })).rejects.toMatchObject({ code: "unavailable" });
  expect(calls).toHaveLength(2);

  calls[0]?.resolve();
  expect(await logins[0]).toEqual({ user: "a" });
  await eventually("the one that waited is checked", () => calls.length === 3);
  for (const call of calls) call.resolve();
  expect(await Promise.all(logins)).toEqual([{ user: "a" }, { user: "b" }, { user: "c" }]);
});

test("a login that has waited beyond its deadline is not checked any more", async () => {
  const { calls, authenticator } = hanging();
  const limited = withLimits(authenticator, { calls: 1, waiting: 10, timeoutMs: -1 });
  const first = limited.authenticate({ token: "a" });
  // Its deadline has passed when it begins to wait.
  const second = limited.authenticate({ token: "b" });
  calls[0]?.resolve();
  expect(await first).toEqual({ user: "a" });
  await expect(second).rejects.toMatchObject({ code: "timeout" });
  expect(calls).toHaveLength(1);
});

test("an authenticator keeps its mode, its warnings and its way to mint", async () => {
  const { authenticator } = hanging();
  const limited = withLimits(
    { ...authenticator, warnings: ["open"], mint: async () => "token" },
    { timeoutMs: 1 },
  );
  expect(limited).toMatchObject({ mode: "token", warnings: ["open"] });
  expect(await limited.mint?.({ user: "a" })).toBe("token");
});

test("a check that is over at once leaves its place, also when it throws", async () => {
  const limited = withLimits(developmentAuth(), { calls: 1, waiting: 1, timeoutMs: 60_000 });
  for (const userId of ["alice", "", "bob"]) {
    const verdict = await limited.authenticate({ userId }).catch((thrown: TidingsError) => thrown.code);
    expect(verdict).toEqual(userId === "" ? "unauthorized" : { user: userId });
  }
});

test("an application may put its own function in the place of one that answers at once", async () => {
  const own = developmentAuth();
  const { authenticate } = own;
  own.authenticate = async (credentials) => ({ ...(await authenticate(credentials)), platform: "own" });
  for (const each of [own, { ...own }]) {
    const limited = withLimits(each, { timeoutMs: 60_000 });
    expect(await limited.authenticate({ userId: "alice" })).toEqual({ user: "alice", platform: "own" });
  }
});
