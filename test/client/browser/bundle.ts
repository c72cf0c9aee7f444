import { fileURLToPath } from "node:url";
import { build } from "vite";

/**
 * An entry of the package as a browser gets it: one minified file.
 * @param path of its source below src
 * @param external what the application has anyway
 */
export async function bundle(path = "client/client.ts", external: string[] = []): Promise<string> {
  const entry = fileURLToPath(new URL(`../../../src/${path}`, import.meta.url));
  const output = await build({
    configFile: false,
    logLevel: "silent",
    // Not as a library, for which vite leaves the white space: an application's build takes it out.
    build: { write: false, rolldownOptions: { input: entry, external, preserveEntrySignatures: "strict" } },
  });
  const [bundled] = Array.isArray(output) ? output : [output];
  if (bundled === undefined || !("output" in bundled)) throw new TypeError("expected one finished bundle");
  return bundled.output[0].code;
}
