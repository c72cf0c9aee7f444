import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { makeCertificate, writeConfiguration } from "../../examples/cluster/nginx.ts";
import { run } from "../package/build.ts";
import { REPOSITORY } from "../support/repository.ts";
import { needs } from "../support/tools.ts";

needs("nginx");
needs("openssl");

describe.each(["ip-hash", "least-conn"])("examples/cluster/nginx/%s.conf", (balance) => {
  it("is accepted by nginx, as it is and with other ports", async () => {
    const directory = mkdtempSync(join(tmpdir(), "tidings-nginx-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const env = { PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin` }; // where nginx is
    const check = async (): Promise<string> => {
      const configuration = join(directory, `${balance}.conf`);
      const args = ["-e", "stderr", "-p", directory, "-c", configuration, "-t"];
      return (await run("nginx", args, { env })).stderr;
    };
    makeCertificate(directory);
    cpSync(join(REPOSITORY, "examples/cluster/nginx"), directory, { recursive: true });
    expect(await check()).toContain("test is successful");
    writeConfiguration(directory, { nginx: 18_080, tls: 18_443, a: 18_081, b: 18_082, redis: 16_390 });
    expect(await check()).toContain("test is successful");
  });
});
