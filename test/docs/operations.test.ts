import { globSync } from "node:fs";
import { Writable } from "node:stream";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { CONFIG_KEYS } from "../../src/config/config.ts";
import { startHub } from "../support/hub.ts";
import { connectPeer } from "../support/peer.ts";
import { REPOSITORY } from "../support/repository.ts";
import { codesIn, readPage, tableAfter } from "./markdown.ts";

const page = readPage("docs/OPERATIONS.md");

/** The checked part of the description of the HTTP API. */
interface OpenApi {
  readonly paths: Record<string, Record<string, { readonly security?: { readonly apiKey: string[] }[] }>>;
}

/** Histograms whose label the page leaves out: it is that of the counter beside it. */
const UNLABELLED = new Set(["tidings_publish_seconds"]);

describe("docs/OPERATIONS.md", () => {
  it("lists every route of the HTTP API, and the scope of the key that it needs", async () => {
    const { at } = await startHub({ apiKey: "an API key of the tests" });
    const { paths } = (await (await fetch(`${at.url}/openapi.json`)).json()) as OpenApi;
    const real = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { security }]) => [
        `${method.toUpperCase()} ${path}`,
        security?.[0]?.apiKey[0] ?? "none",
      ]),
    );
    const documented = tableAfter(page, "## The HTTP API").flatMap(([routes, scope]) =>
      codesIn(routes).map((route) => [route, codesIn(scope)[0] ?? scope]),
    );
    expect(documented.sort()).toEqual(real.sort());
  });

  it("lists every metric, with its label", async () => {
    const { at, url } = await startHub();
    await fetch(`${at.url}/health`);
    await (await connectPeer(url({ user_id: "alice" }))).request("presence.get", { user: "alice" });
    const text = await (await fetch(`${at.url}/metrics`)).text();
    const names = [...text.matchAll(/^# TYPE (tidings_\w+)/gm)].map(([, name = ""]) => name);
    const real = names.map((name) => {
      const [, pairs = ""] = new RegExp(`^${name}(?:_bucket)?{(.*)}`, "m").exec(text) ?? [];
      const labels = [...pairs.matchAll(/(\w+)="/g)]
        .map(([, label]) => label)
        .filter((label) => label !== "le");
      return labels.length === 0 || UNLABELLED.has(name) ? name : `${name}{${labels.join(",")}}`;
    });
    const documented = tableAfter(page, "## Metrics").flatMap(([metric]) => codesIn(metric));
    expect(documented.sort()).toEqual(real.sort());
  });

  it("shows the lines that are logged", async () => {
    const lines: string[] = [];
    const stream = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    });
    const { hub, url } = await startHub({ logger: pino({ base: null }, stream) });
    const disconnected = new Promise((resolve) => hub.on("disconnect", resolve));
    const alice = await connectPeer(url({ user_id: "alice" }));
    await alice.close();
    await disconnected;
    const shown = page.blocks
      .find(({ text }) => text.includes('"msg":"connected"'))
      ?.text.trim()
      .split("\n");
    const keys = (line: string): string[] => Object.keys(JSON.parse(line));
    expect(lines.map(keys)).toEqual(shown?.map(keys));
  });
});

describe.each(["README.md", "docs/ARCHITECTURE.md", "docs/OPERATIONS.md"])("%s", (path) => {
  const codes = codesIn(readPage(path).text.replace(/^```.*?^```$/gms, ""));

  it("names existing settings only", () => {
    const names = CONFIG_KEYS.flatMap(({ path: key, env }) => [key, env]);
    const groups = new Set(CONFIG_KEYS.map(({ path: key }) => key.split(".")[0]));
    const actions = tableAfter(readPage("docs/PROTOCOL.md"), "### Built-in actions").flatMap(([name]) =>
      codesIn(name),
    );
    const isKey = (code: string): boolean =>
      /^\w+\.(?!ts$)\w+$/.test(code) && groups.has(code.split(".")[0]) && !actions.includes(code);
    const isVariable = (code: string): boolean => /^[A-Z]+(_[A-Z]+)+$/.test(code) && code !== "NODE_OPTIONS";
    const settings = codes
      .map((code) => code.replace(/=.*/, ""))
      .filter((code) => isKey(code) || isVariable(code));
    const unknown = settings.filter((code) => !names.includes(code));
    expect(unknown).toEqual([]);
  });

  it("names existing files only", () => {
    const files = globSync("{src,test,examples,bench}/**/*.ts", { cwd: REPOSITORY });
    const { text } = readPage(path);
    const named = [...text.matchAll(/[\w./-]+\.ts\b/g)].map(([name]) => name.replace(/^(\.\.?\/)+/, ""));
    expect(named.filter((name) => !files.some((file) => `/${file}`.endsWith(`/${name}`)))).toEqual([]);
  });
});
