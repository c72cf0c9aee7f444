/** Builds the package unless it is built. It is no `prepare` script: the package must not run anything where it is installed. */
import { execSync } from "node:child_process";
import { existsSync } from "node:fs";

const isBuilt = ["index.mjs", "client.js", "web/dev/index.html"].every((file) => existsSync(`dist/${file}`));
if (!isBuilt) execSync("npm run build", { stdio: ["ignore", 2, 2] });
