import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { builtPackage, run } from "../../package/build.ts";
import { REPOSITORY } from "../../support/repository.ts";
import { launchBrowser, openTab } from "../../web/browser.ts";
import { Program } from "../program.ts";

/** The part of Next.js that the template uses. Next.js itself is no dependency: it would triple what is installed. */
const NEXT = `
import type { IncomingMessage, Server, ServerResponse } from "node:http";
interface Options { dev: boolean; httpServer: Server; hostname: string; port: number }
interface App {
  prepare(): Promise<void>;
  getRequestHandler(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
}
export default function next(options: Options): App;
`;

/** Copies a template to where its dependencies and the built package are found. @returns the folder */
async function copied(name: string): Promise<string> {
  const built = await builtPackage();
  const folder = join(built, `template-${process.pid}-${name}`);
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(join(REPOSITORY, "examples", name), folder, { recursive: true });
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "next"), { recursive: true });
  symlinkSync(built, join(modules, "tidings"));
  writeFileSync(
    join(modules, "next/package.json"),
    '{ "name": "next", "type": "module", "types": "index.d.ts" }',
  );
  writeFileSync(join(modules, "next/index.d.ts"), NEXT);
  return folder;
}

async function typeCheck(folder: string): Promise<string> {
  const compiler = join(REPOSITORY, "node_modules/typescript/bin/tsc");
  return run(process.execPath, [compiler, "-p", "."], { cwd: folder })
    .then(({ stdout }) => stdout)
    .catch(({ stdout }) => stdout);
}

describe("examples/express-vite", () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser();
    await builtPackage();
  });

  afterAll(() => browser.close());

  it("fits the types of the package", async () => {
    expect(await typeCheck(await copied("express-vite"))).toBe("");
  });

  it("serves a page, by Vite, that chats over the same server", async () => {
    const program = new Program(process.execPath, ["server.ts"], {
      cwd: await copied("express-vite"),
      env: { PORT: "0" },
    });
    const url = `http://127.0.0.1:${await program.prints(/port: (\d+)/)}`;
    const { page: bob } = await openTab(browser, `${url}/?user=bob`, {});
    await bob.getByText("open as bob").waitFor();
    const { page: alice } = await openTab(browser, `${url}/?user=alice`, {});
    // She is faster than her connection.
    const login = Promise.withResolvers<void>();
    await alice.route("**/api/token", (route) => login.promise.then(() => route.continue()));
    const asked = alice.waitForRequest("**/api/token");
    await alice.reload();
    await asked;
    await alice.getByPlaceholder("message").fill("Hello");
    await alice.getByRole("button", { name: "Send" }).click();
    login.resolve();
    await bob.getByText("alice: Hello").waitFor();
    await alice.getByText("alice: Hello").waitFor();
    expect(new URL(alice.url()).search).toBe("?user=alice");
    program.terminate();
    expect(await program.ended).toBe(0);
  });
});

describe("examples/nextjs", () => {
  it("fits the types of the package", async () => {
    expect(await typeCheck(await copied("nextjs"))).toBe("");
  });
});

describe("the templates", () => {
  it("need the versions that are tested here, and bring no modules of their own", () => {
    const { version, dependencies, devDependencies } = manifestOf(".");
    const tested: Record<string, string> = { ...dependencies, ...devDependencies, tidings: `^${version}` };
    for (const name of ["express-vite", "nextjs"]) {
      const manifest = manifestOf(join("examples", name));
      for (const [each, range] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
        if (each in tested) expect(`${each} ${range}`).toBe(`${each} ${tested[each]}`);
      }
      expect(readdirSync(join(REPOSITORY, "examples", name))).not.toContain("package-lock.json");
    }
  });
});

interface Manifest {
  readonly version: string;
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

const manifestOf = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(REPOSITORY, folder, "package.json"), "utf8"));
