import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { CONFIG_KEYS } from "../../src/config/config.ts";
import { builtPackage, run } from "../package/build.ts";
import { endWithProcess } from "../support/end-with-process.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { SECRET } from "../support/keys.ts";
import { REPOSITORY } from "../support/repository.ts";
import { needs } from "../support/tools.ts";
import { DEPLOY } from "./programs.ts";

needs("systemd-analyze");

const dockerfile = readFileSync(join(DEPLOY, "Dockerfile"), "utf8").replaceAll("\\\n", " ");
const stages = dockerfile.split(/^(?=FROM )/m).slice(1);
const stageOf = (name: string): string => stages.find((stage) => stage.includes(` AS ${name}\n`)) ?? "";
/** Names and values of ENV in the last stage. */
const environment = Object.fromEntries(
  [...(stages.at(-1) ?? "").matchAll(/^ENV (.*)$/gm)].flatMap(
    ([, line = ""]) => line.split(/\s+/).map((pair) => pair.split("=") as [string, string]), // a name and a value
  ),
);
/** A command of the last stage in its exec form, with the Node of these tests. */
const commandOf = (instruction: RegExp): string[] => {
  const [, json = "[]"] = dockerfile.match(instruction) ?? [];
  return (JSON.parse(json) as string[]).map((part) =>
    part === "/nodejs/bin/node" ? process.execPath : part,
  );
};

test("what the image holds runs as its user would: it starts, is healthy, keeps its data, and drains at SIGTERM", async () => {
  const image = mkdtempSync(join(tmpdir(), "tidings-image-"));
  onTestFinished(() => rmSync(image, { recursive: true, force: true }));
  // The stages, in one directory: what they copy, run, and copy from each other.
  const copied = ["package.json", "package-lock.json", ".npmrc"];
  expect(stageOf("packages")).toContain(`COPY ${copied.join(" ")} ./`);
  for (const name of copied) cpSync(join(REPOSITORY, name), join(image, name));
  const [, install = ""] = stageOf("packages").match(/^RUN (.*)$/m) ?? [];
  await run("bash", ["-ec", install.replace("&& mkdir /data", "&& mkdir data")], { cwd: image });
  cpSync(join(await builtPackage(), "dist"), join(image, "dist"), { recursive: true });
  expect(existsSync(join(image, "node_modules/pg"))).toBe(true);
  expect(existsSync(join(image, "node_modules/vitest"))).toBe(false);
  for (const name of Object.keys(environment)) {
    if (name !== "NODE_ENV") expect(CONFIG_KEYS.map(({ env }) => env)).toContain(name);
  }

  const port = String(await freePort());
  const env = {
    ...environment,
    HOST: "127.0.0.1",
    PORT: port,
    DATA_DIR: join(image, "data"),
    JWT_SECRET: SECRET,
  };
  const child = spawn(process.execPath, commandOf(/^CMD (\[.*\])$/m), { cwd: image, env, stdio: "ignore" });
  endWithProcess(child);
  const [program = "", ...args] = commandOf(/HEALTHCHECK[^[]*?CMD (\[.*\])$/m);
  const isHealthy = (): boolean => {
    try {
      execFileSync(program, args, { env, stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  };
  await eventually("the health check passes", isHealthy);
  expect(existsSync(join(image, "data/tidings.db"))).toBe(true);

  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(isHealthy()).toBe(false);
});

test("the compose file mounts files that exist, names settings that exist, and holds no secret", () => {
  const text = readFileSync(join(DEPLOY, "compose/compose.yaml"), "utf8");
  const { services } = parse(text, { merge: true });
  const known = CONFIG_KEYS.map(({ env }) => env);
  for (const name of ["node1", "node2"]) {
    for (const key of Object.keys(services[name].environment)) expect(known).toContain(key);
  }
  const mounts = Object.values<{ volumes?: string[] }>(services).flatMap(({ volumes = [] }) => volumes);
  const files = mounts.map((mount) => mount.split(":")[0] ?? "").filter((path) => path.startsWith("."));
  expect(files.length).toBeGreaterThan(4);
  for (const path of files) expect(existsSync(join(DEPLOY, "compose", path)), path).toBe(true);
  const wanted = [...text.matchAll(/\$\{(\w+)/g)].map(([, name = ""]) => name);
  const given = readFileSync(join(DEPLOY, "compose/.env.example"), "utf8").match(/^\w+(?==$)/gm);
  expect(new Set(given)).toEqual(new Set(wanted));
});

test("systemd takes the unit, and the service cannot reach much", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tidings-unit-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const unit = join(directory, "tidings.service");
  const text = readFileSync(join(DEPLOY, "systemd/tidings.service"), "utf8");
  await run("bash", ["-c", 'printf %s "$0" > "$1"', text.replace("/usr/bin/node", process.execPath), unit]);
  const verified = await run("systemd-analyze", ["verify", "--man=no", unit]);
  expect(`${verified.stdout}${verified.stderr}`).not.toContain("tidings.service");
  const args = ["security", "--offline=true", "--threshold=25", "--no-pager", unit];
  const { stdout } = await run("systemd-analyze", args); // rejects above 2.5 of 10
  expect(stdout).toContain("Overall exposure level");
});
