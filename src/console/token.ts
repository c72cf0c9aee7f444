import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { type Authenticator, wrapped } from "../gateway/gateway.ts";
import { type Claims, isConsoleUser, TidingsError } from "../protocol/protocol.ts";

/** Begins every token of a console, so that other tokens go to the application's authenticator unread. */
const PREFIX = "tidings-console.";

/** Lifetime of a token, in milliseconds. The page asks for another one before its end. */
const LIFETIME_MS = 10 * 60 * 1_000;

/** Purpose of the proof of a token, as a part of it: the same key proves positions too. */
const PURPOSE = "console";

/**
 * Claims of a console's connection. The object itself is the grant: credentials of others, whatever their claims say, lead to other
 * objects.
 */
const GRANT: Claims = Object.freeze({});

/** True for a connection that has logged in with the token of a console. Router and policy confine it: it may watch, and nothing else. */
export const isConsole = ({ claims }: { readonly claims: Claims }): boolean => claims === GRANT;

/** A key that all nodes share. */
export interface SharedKey {
  readonly current: Buffer | undefined;
  /** Keys that are valid, the current one first. */
  readonly all: readonly Buffer[];
  /** Resolves when there is a key. */
  ready(): Promise<void>;
}

/** A login for a console. */
export interface ConsoleLogin {
  readonly token: string;
  readonly user: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Makes and checks the tokens of consoles. They are the hub's own, so they exist beside every authenticator, on all nodes. */
export class ConsoleTokens {
  readonly #key: SharedKey;

  constructor(key: SharedKey) {
    this.#key = key;
  }

  /**
   * @param user of an earlier token of the page, whose login goes on. @default a new one
   * @throws TidingsError `bad_request` for another user, `unavailable` without the backplane
   */
  async mint(user: string = `console-${randomBytes(12).toString("base64url")}`): Promise<ConsoleLogin> {
    if (!isConsoleUser(user))
      throw new TidingsError("bad_request", "console: expected the user of an earlier token");
    await this.#key.ready();
    const key = this.#key.current;
    if (key === undefined) throw new TidingsError("unavailable", "the nodes have no key yet");
    const expiresAt = Date.now() + LIFETIME_MS;
    const content = `${user}.${expiresAt}`;
    return { token: `${PREFIX}${content}.${proofOf(key, content)}`, user, expiresAt };
  }

  /** @returns undefined for a token of another kind. @throws TidingsError `unauthorized`, `token_expired` */
  verify(token: string): Omit<ConsoleLogin, "token"> | undefined {
    if (!token.startsWith(PREFIX)) return undefined;
    const [user = "", expiry = "", proof = "", ...rest] = token.slice(PREFIX.length).split(".");
    const content = `${user}.${expiry}`;
    const isProved = this.#key.all.some((key) => isEqual(proof, proofOf(key, content)));
    if (!isProved || rest.length > 0)
      throw new TidingsError("unauthorized", "the token of the console is not valid");
    if (Number(expiry) <= Date.now())
      throw new TidingsError("token_expired", "the token of the console has expired");
    return { user, expiresAt: Number(expiry) };
  }
}

/**
 * Admits consoles beside the clients of an authenticator. A console counts as a visitor without grants, so it gets no broadcasts. Router and
 * policy ask {@link isConsole}, and let it do nothing but watch.
 */
export const withConsoles = (inner: Authenticator, tokens: ConsoleTokens): Authenticator =>
  wrapped(inner, (credentials, check) => {
    const { token, request, byMessage } = credentials;
    // The endpoints of an application are for its own users.
    const isLogin = request !== undefined || byMessage === true;
    const login = isLogin && token !== undefined ? tokens.verify(token) : undefined;
    if (login === undefined) return check(credentials);
    return { ...login, platform: "console", claims: GRANT, can: {}, anonymous: true };
  });

const proofOf = (key: Buffer, content: string): string =>
  createHmac("sha256", key).update(`${PURPOSE}.${content}`).digest("base64url");

function isEqual(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
