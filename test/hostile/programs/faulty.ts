import { pino } from "pino";
import { createHub, TidingsError } from "../../../src/index.ts";
import type { Question } from "../../support/hub-process/hub-process.ts";

/** A hub whose application fails in every callback. It answers the questions of hub-process.ts. */
const unknownCode = (): TidingsError => new TidingsError("expired" as "timeout", "no code of the protocol");

const LOGINS: Record<string, () => unknown> = {
  good: () => ({ user: "good" }),
  nothing: () => undefined,
  "no user": () => ({}),
  "a big expiry": () => ({ user: "good", expiresAt: BigInt(Date.now() + 10_000) }),
  null: () => {
    throw null;
  },
  "an unknown code": () => {
    throw unknownCode();
  },
  "a long message": () => {
    throw new TidingsError("unauthorized", "€".repeat(1_000));
  },
};

const logger = pino({ level: "silent" });
logger.info = ({ platform }: { platform?: string }, message?: string): void => {
  if (platform === message) throw new Error("the log is full");
};

const hub = createHub({
  logger,
  auth: {
    mode: "token",
    authenticate: async ({ token = "" }) => LOGINS[token]?.() as { user: string }, // some of them are not
  },
});
hub.action(
  "app.fail",
  { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } },
  () => {
    throw unknownCode();
  },
);
hub.on("connect", ({ connection }) => {
  if (connection.platform === "hook") throw unknownCode();
});
hub.on("error", () => {
  throw new Error("even this");
});
const { url } = await hub.listen({ port: 0, host: "127.0.0.1" });

process.on("message", async ({ id }: Question) => {
  process.send?.({ id, answer: await hub.presence.count() });
});
process.on("disconnect", () => process.exit());
process.send?.({ url });
