import { ATTACKS } from "./attacks.ts";

const [name, ...urls] = process.argv.slice(2);
await ATTACKS.find((attack) => attack.name === name)?.run(urls);
