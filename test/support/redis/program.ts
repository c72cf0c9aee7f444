import { needs } from "../tools.ts";

/** The server under test: another Redis, or Valkey, by the environment (`npm run test:servers`). */
export const PROGRAM = process.env.REDIS_SERVER ?? "redis-server";

needs(PROGRAM);
