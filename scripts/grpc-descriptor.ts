/**
 * Compiles the .proto files of proto/ and writes what the server needs of them to src/gateway/grpc/descriptor.ts:
 *
 *     bash scripts/install-python-tools.sh && node scripts/grpc-descriptor.ts
 *
 * The compiler is that of the Python package grpcio-tools, which the example in Python needs too.
 */
import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";

const REPOSITORY = join(import.meta.dirname, "..");

/** Python with the tools of gRPC, as scripts/install-python-tools.sh installs it. */
export const GRPC_PYTHON = join(
  process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"),
  "tidings/grpc/bin/python",
);

/** Compiles the .proto files to the text of src/gateway/grpc/descriptor.ts. */
export function descriptorModule(): string {
  const directory = mkdtempSync(join(tmpdir(), "tidings-proto-"));
  try {
    const output = join(directory, "descriptor.bin");
    const files = globSync("**/*.proto", { cwd: join(REPOSITORY, "proto") }).sort();
    const options = ["-m", "grpc_tools.protoc", "-I", "proto", "--include_imports"];
    execFileSync(GRPC_PYTHON, [...options, `--descriptor_set_out=${output}`, ...files], { cwd: REPOSITORY });
    return moduleOf(readFileSync(output).toString("base64"));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const moduleOf = (base64: string): string => `/**
 * The .proto files in proto/, compiled: a FileDescriptorSet in base64. Made by scripts/grpc-descriptor.ts.
 */
export const DESCRIPTORS =
  "${base64}";
`;

if (import.meta.main) {
  writeFileSync(join(REPOSITORY, "src/gateway/grpc/descriptor.ts"), descriptorModule());
}
