/** `npm run docs`: builds the site into site/dist. `npm run docs -- --serve` serves it while one writes. */
import { build, createServer } from "vitepress";
import { assemble } from "./assemble.ts";
import { writeReference } from "./reference.ts";

assemble();
await writeReference();
if (process.argv.includes("--serve")) {
  const server = await createServer(import.meta.dirname);
  await server.listen();
  server.printUrls();
} else {
  await build(import.meta.dirname);
}
