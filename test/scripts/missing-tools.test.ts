import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { REPOSITORY } from "../support/repository.ts";

const run = promisify(execFile);

/** Two quick test files: the first needs Redis, the second nothing. */
const FILES = ["test/cluster/redis/empty.test.ts", "test/support/eventually.test.ts"];

describe("on a machine without the tools of the tests, and without apt-get", () => {
  const path = mkdtempSync(join(tmpdir(), "tidings-path-"));

  beforeAll(async () => {
    for (const name of ["bash", "id"]) {
      const { stdout } = await run("bash", ["-c", `command -v ${name}`]);
      symlinkSync(stdout.trim(), join(path, name));
    }
  });

  afterAll(() => rmSync(path, { recursive: true }));

  it("scripts/install-tools.sh says what is missing, and lets the tests run", async () => {
    const { stderr } = await run("bash", ["scripts/install-tools.sh"], {
      cwd: REPOSITORY,
      env: { PATH: path },
    });
    expect(stderr).toContain("there is no apt-get");
    expect(stderr).toMatch(/^Missing: .*redis-server/m);
  });

  it("the files that need a missing tool fail by name, the others run, and the run fails", async () => {
    const vitest = join(REPOSITORY, "node_modules/vitest/vitest.mjs");
    const args = [vitest, "run", "--reporter=json", ...FILES];
    const outcome = await run(process.execPath, args, { cwd: REPOSITORY, env: { PATH: path } }).catch(
      (error: { code: number; stdout: string }) => error,
    );
    expect(outcome).toMatchObject({ code: 1 });
    const { testResults } = JSON.parse(outcome.stdout) as {
      testResults: { name: string; status: string; message: string }[];
    };
    const byName = new Map(
      testResults.map(({ name, ...result }) => [name.slice(REPOSITORY.length + 1), result]),
    );
    expect([...byName.keys()].sort()).toEqual(FILES);
    expect(byName.get(FILES[0] ?? "")).toMatchObject({
      status: "failed",
      message: "needs redis-server, which is not installed",
    });
    expect(byName.get(FILES[1] ?? "")).toMatchObject({ status: "passed" });
  });
});
