import { z } from "zod";
import { TidingsError } from "../../index.ts";
import { type Core, forbidden } from "../core.ts";
import { folded } from "../database/database.ts";
import { isText, name, newUser, type Operation, operation } from "../operation.ts";
import { type Attempts, clientOf } from "./attempts.ts";
import type { Directory } from "./directory.ts";
import { hashPassword, inTurn, isPassword } from "./passwords.ts";
import { type Sessions, session } from "./sessions.ts";

/** NIST SP 800-63B: length, and no rules about characters. */
const newPassword = z
  .string()
  .refine((value) => [...value].length >= 8, { error: "expected at least 8 characters" })
  .refine((value) => value.length <= 256 && value.isWellFormed(), {
    error: "expected at most 256 characters",
  })
  .meta({ description: "8–256 characters." });
const password = z.string().max(1_024);
const givenUser = z.string().max(1_024).refine(isText, { error: "expected text without control characters" });
const refreshToken = z.string().max(200);

const WRONG = "user or password is wrong";

interface AccountPorts extends Core {
  readonly attempts: Attempts;
  readonly directory: Directory;
  readonly sessions: Sessions;
  /** Welcomes a new user, where there is a demo group. */
  readonly demo: { welcome(user: string): Promise<void> } | undefined;
}

/** Operations about accounts and logins. */
export const accountOperations = (ports: AccountPorts): Operation[] => [
  register(ports),
  operation({
    name: "login",
    summary: "Log in with a password",
    access: "open",
    takes: z.object({ user: givenUser, password }),
    gives: session,
    async handle({ address }, given) {
      const user = await verified(ports, given.user, given.password, address);
      return ports.sessions.begin(user);
    },
  }),
  operation({
    name: "refresh",
    summary: "Get the next tokens for a refresh token, which ends 30 s later",
    access: "open",
    takes: z.object({ refreshToken }),
    gives: session,
    handle: async (_, given) => ports.sessions.refresh(given.refreshToken),
  }),
  operation({
    name: "logout",
    summary: "End a refresh token",
    access: "open",
    takes: z.object({ refreshToken }),
    async handle(_, given) {
      await ports.sessions.end(given.refreshToken);
      return undefined;
    },
  }),
  changePassword(ports),
];

const register = (ports: AccountPorts): Operation =>
  operation({
    name: "register",
    summary: "Make an account, and log in",
    access: "open",
    takes: z.object({ user: newUser, password: newPassword, name: name.optional() }),
    gives: session,
    async handle({ address }, { user, password, name = user }) {
      if (!ports.settings.registration) throw forbidden("this server registers no accounts");
      const counters = ports.attempts.ofRegistration(address);
      await ports.attempts.assertAllowed(counters);
      await inTurn(clientOf(address), async () => {
        await ports.attempts.count(counters);
        await ports.directory.insert({ user, name, password: await hashPassword(password) });
      });
      await ports.demo?.welcome(user);
      return ports.sessions.begin(user);
    },
  });

const changePassword = (ports: AccountPorts): Operation =>
  operation({
    name: "password",
    summary: "Change the own password; all refresh tokens end but the new one",
    takes: z.object({ password, newPassword }),
    gives: session,
    async handle({ user, address }, given) {
      await verified(ports, user, given.password, address);
      const hash = await inTurn(clientOf(address), () => hashPassword(given.newPassword));
      return ports.database.change(async (queries) => {
        await queries
          .updateTable("chat_account")
          .set({ password: hash })
          .where("user_id", "=", user)
          .execute();
        await ports.sessions.endAll(user, queries);
        return ports.sessions.begin(user, queries);
      });
    },
  });

/**
 * Verifies a password.
 * @returns the user's id
 * @throws TidingsError `unauthorized` for a wrong one, `rate_limited` after too many of these
 */
async function verified(
  { database, attempts }: AccountPorts,
  given: string,
  password: string,
  address: string | undefined,
): Promise<string> {
  const account = folded(given.trim().slice(0, 255));
  const counters = attempts.ofLogin(account, address);
  await attempts.assertAllowed(counters);
  return inTurn(clientOf(address), async () => {
    await attempts.count(counters);
    const row = await database.queries
      .selectFrom("chat_account")
      .select(["user_id", "password"])
      .where("folded", "=", account)
      .executeTakeFirst();
    if (!(await isPassword(password, row?.password ?? undefined)))
      throw new TidingsError("unauthorized", WRONG);
    await attempts.forget(counters);
    return row?.user_id ?? "";
  });
}
