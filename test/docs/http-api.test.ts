import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { httpApiPage, type OpenApi } from "../../site/http-api.ts";
import { startHub } from "../support/hub.ts";
import { REPOSITORY } from "../support/repository.ts";

it("docs/HTTP-API.md is made from /openapi.json (UPDATE_DOCS=1 writes it)", async () => {
  const apiKey = "an API key of the tests";
  const { at } = await startHub({ apiKey, jwt: { secret: "a secret of the tests, 32 bytes!" } });
  const answer = await fetch(`${at.url}/openapi.json`, { headers: { "x-api-key": apiKey } });
  const page = httpApiPage((await answer.json()) as OpenApi); // as /openapi.json of the hub is
  const file = join(REPOSITORY, "docs/HTTP-API.md");
  if (process.env.UPDATE_DOCS === "1") writeFileSync(file, page);
  expect(readFileSync(file, "utf8")).toBe(page);
  // A row is read in one look: a long shape stands below its table.
  expect(page.split("\n").filter((line) => line.startsWith("|") && line.length > 300)).toEqual([]);
});
