import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import { builtPackage } from "../../package/build.ts";
import { launchBrowser } from "../../web/browser.ts";
import { Program } from "../program.ts";

let directory: string;

beforeAll(async () => {
  directory = await builtPackage();
});

const HANG_MS = 150_000;

it("examples/offline sends what was written while its server was down, from whichever tab is open then", async () => {
  const start = async (port: string): Promise<{ program: Program; port: string }> => {
    const file = join(directory, "examples/offline/server.ts");
    const program = new Program(process.execPath, [file], { env: { PORT: port } });
    return { program, port: await program.prints(/port: (\d+)/) };
  };
  const { program, port } = await start("0");
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const context = await browser.newContext();
  context.setDefaultTimeout(HANG_MS);
  const failures: Error[] = [];
  const open = async (user: string): Promise<Page> => {
    const page = await context.newPage();
    page.on("pageerror", (error) => failures.push(error));
    await page.goto(`http://127.0.0.1:${port}/?user=${user}`);
    await page.getByText("connected by shared-worker").waitFor();
    return page;
  };
  const [one, two, bob] = [await open("alice"), await open("alice"), await open("bob")];
  program.kill();
  await program.ended;
  await one.getByText("offline").waitFor();
  await one.getByLabel("to").fill("bob");
  await one.getByLabel("text").fill("Hello");
  await one.getByRole("button", { name: "Send" }).click();
  await two.getByText("to bob: Hello (queued)").waitFor();
  await one.close();
  await start(port);
  await bob.getByText("alice: Hello").waitFor();
  await two.getByText(/to bob: Hello \((delivered|stored)\)/).waitFor();
  expect(await two.locator("#waiting li").count()).toBe(0);
  expect(failures).toEqual([]);
});
