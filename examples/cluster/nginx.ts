import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The ports in the configuration files. */
export const PORTS = { nginx: 8080, tls: 8443, a: 8081, b: 8082, redis: 6390 };

export type Ports = typeof PORTS;

/** Copies the configuration to a directory, with these ports in place of its own. */
export function writeConfiguration(directory: string, ports: Ports): void {
  const folder = join(import.meta.dirname, "nginx");
  const replacements = new Map(
    Object.entries(PORTS).map(([name, port]) => [`${port}`, `${ports[name as keyof Ports]}`]), // the keys of PORTS
  );
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), "utf8");
    const adapted = text.replace(/(?<=127\.0\.0\.1:)\d+/g, (port) => replacements.get(port) ?? port);
    writeFileSync(join(directory, name), adapted);
  }
}

/** Makes a self-signed certificate, where the configuration expects it. */
export function makeCertificate(directory: string): void {
  const key = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-noenc",
    "-keyout",
    "certificate.key",
  ];
  const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const args = ["req", "-x509", ...key, ...name, "-days", "30", "-out", "certificate.pem"];
  execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
}
