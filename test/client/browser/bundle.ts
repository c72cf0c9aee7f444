import { fileURLToPath } from "node:url";
import { build } from "vite";

/** The SDK as a browser gets it: one minified file. */
export async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL("../../../src/client/client.ts", import.meta.url));
  const output = await build({
    configFile: false,
    logLevel: "silent",
    // Not as a library, for which vite leaves the white space: an application's build takes it out.
    build: { write: false, rolldownOptions: { input: entry, preserveEntrySignatures: "strict" } },
  });
  const [bundled] = Array.isArray(output) ? output : [output];
  if (bundled === undefined || !("output" in bundled)) throw new TypeError("expected one finished bundle");
  return bundled.output[0].code;
}
