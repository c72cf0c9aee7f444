import { beforeAll, describe, expect, it } from "vitest";
import { startHub } from "../support/hub.ts";
import { buildPage } from "./build.ts";

beforeAll(buildPage);

describe("the page's files", () => {
  it("are served at /dev with a policy against inline code, and revalidated by caches", async () => {
    const { at } = await startHub();
    const response = await fetch(`${at.url}/dev`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch("text/html");
    expect(response.headers.get("cache-control")).toBe("no-cache");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy.split("; ")).toEqual(
      expect.arrayContaining(["default-src 'self'", "frame-ancestors 'none'", "connect-src 'self' ws: wss:"]),
    );
    expect(policy).not.toContain("unsafe");
  });

  it("are assets with content types, cached without limit", async () => {
    const { at } = await startHub();
    const html = await (await fetch(`${at.url}/dev`)).text();
    const assets = [...html.matchAll(/(?:src|href)="\.(\/pages\/[^"]+)"/g)].map(([, path]) => path);
    const types: Record<string, string> = {};
    for (const path of assets) {
      const response = await fetch(at.url + path);
      expect(response.status).toBe(200);
      expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      const { headers } = await fetch(at.url + path, { headers: { "accept-encoding": "br" } });
      if (!path?.endsWith(".svg")) expect(headers.get("content-encoding")).toBe("br");
      types[String(path).replace(/.*\./, "")] = response.headers.get("content-type") ?? "";
    }
    expect(types.js).toMatch("text/javascript");
    expect(types.css).toMatch("text/css");
    expect(types.svg).toMatch("image/svg+xml");
  });

  it("do not include paths outside their folder", async () => {
    const { at } = await startHub();
    for (const path of [
      "/pages/../dev/index.html",
      "/pages/%2e%2e/dev/index.html",
      "/pages/%2e%2e/%2e%2e/package.json",
      "/pages/none.js",
      "/pages/",
      "/dev/index.html",
    ]) {
      expect((await fetch(at.url + path)).status).toBe(404);
    }
  });

  it.each([
    ["/", "dev"],
    ["/dev/", "../dev"],
  ])("are one redirect away from %s", async (path, location) => {
    const { at } = await startHub();
    const response = await fetch(at.url + path, { redirect: "manual" });
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe(location);
    expect(response.headers.get("cache-control")).toBe("no-cache");
    const followed = await fetch(at.url + path);
    expect(followed.url).toBe(`${at.url}/dev`);
    expect(await followed.text()).toContain("<title>Tidings</title>");
  });

  it("contain the path of the WebSocket", async () => {
    const { at } = await startHub({ path: "/socket" });
    expect(await (await fetch(`${at.url}/dev`)).text()).toContain('name="tidings-path" content="/socket"');
  });

  it("are served in development mode only", async () => {
    const { at } = await startHub({ jwt: { secret: "a secret of at least thirty-two bytes" } });
    for (const path of ["/", "/dev", "/dev/"]) expect((await fetch(at.url + path)).status).toBe(404);
  });
});
