import { expect, it } from "vitest";
import { startEchoServer } from "./echo-server.ts";
import { runCases } from "./runner.ts";

/** All cases take minutes (`npm run test:autobahn`); those of framing, UTF-8 and closing take seconds. */
const ALL = process.env.AUTOBAHN === "all";
const QUICK = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "12.1.1", "13.1.1"];
const cases = ALL ? [] : QUICK;
/** The cases of compression send half a million messages of up to 128 KiB. */
const LIMIT_MS = ALL ? 3_600_000 : 300_000;

/** Long messages in tiny fragments, which the budgets of unfinished messages forbid (docs/SECURITY.md). */
const TINY_FRAGMENTS = ["9.3.1", "9.3.2", "9.3.3", "9.4.1", "9.4.2", "9.4.3"];

/** Cases of permessage-deflate itself. */
const COMPRESSION = ["12.*", "13.*"];

it.each([false, true])(
  "conforms to RFC 6455 with permessage-deflate: %s",
  async (deflate) => {
    await using server = await startEchoServer({ deflate });
    const except = deflate ? TINY_FRAGMENTS : [...TINY_FRAGMENTS, ...COMPRESSION];
    const { passed, failed } = await runCases(server.url, { cases, except });
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(ALL && deflate ? 500 : 200);
  },
  LIMIT_MS,
);

it.runIf(ALL)("takes long messages in tiny fragments with the budgets lifted", async () => {
  await using server = await startEchoServer({ deflate: false, budgets: false });
  const { failed } = await runCases(server.url, { cases: TINY_FRAGMENTS });
  expect(failed).toEqual([]);
});

it.runIf(ALL)("refuses long messages in tiny fragments otherwise", async () => {
  await using server = await startEchoServer({ deflate: false });
  const { passed } = await runCases(server.url, { cases: ["9.3.1", "9.4.1"] });
  expect(passed).toBe(0);
});
