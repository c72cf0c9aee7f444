import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** Smaller files fit into the first packets as they are. */
const MIN_BYTES = 1_024;

/** Writes a `.br` and a `.gz` beside each script, style and drawing that is built, so that no server compresses them. */
export function precompress(): Plugin {
  return {
    name: "precompress",
    apply: "build",
    writeBundle({ dir }) {
      for (const file of readdirSync(dir ?? ".", { recursive: true, encoding: "utf8" })) {
        const path = join(dir ?? ".", file);
        if (!/\.(?:js|css|svg)$/.test(file) || statSync(path).size < MIN_BYTES) continue;
        const bytes = readFileSync(path);
        const best = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, best));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}
