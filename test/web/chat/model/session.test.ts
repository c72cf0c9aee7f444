import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Session } from "../../../../web/chat/model/session/session.ts";

const KEY = "tidings.chat.login";

/** A login whose token is over: the next call for a token refreshes. */
const login = (user: string, refreshToken: string) => ({
  ...{ user, refreshToken, token: `token beside ${refreshToken}`, expiresAt: 0, renewAt: 0 },
});

interface Sent {
  readonly name: string | undefined;
  readonly refreshToken: string;
}

/** A browser's storage and network: the test answers what the page sends. */
const stored = new Map<string, string>();
const sent: Sent[] = [];
const answers: ((answer: Response) => void)[] = [];

const store = (value: object): unknown => stored.set(KEY, JSON.stringify(value));

beforeEach(() => {
  stored.clear();
  sent.length = 0;
  answers.length = 0;
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  });
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("navigator", {}); // without locks, as in a page without TLS
  vi.stubGlobal("document", { baseURI: "http://localhost/" });
  vi.stubGlobal("fetch", (url: URL, { body }: { body: string }) => {
    const { refreshToken } = JSON.parse(body) as { refreshToken: string };
    sent.push({ name: url.pathname.split("/").at(-1), refreshToken });
    return new Promise((resolve) => answers.push(resolve));
  });
  store(login("alice", "first"));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Begins a refresh. @returns the promise of its token, and the function that answers the request */
async function refreshing(session: Session) {
  const token = session.token();
  token.catch(() => undefined); // the test awaits it later
  await vi.waitFor(() => expect(sent).toEqual([{ name: "refresh", refreshToken: "first" }]));
  const answer = (body: object, status = 200): void => answers[0]?.(Response.json(body, { status }));
  return { token, answer };
}

const REFUSAL = { error: { code: "unauthorized", message: "not valid" } };

describe("a login that is refreshed", () => {
  it("is stored for all tabs", async () => {
    const session = new Session();
    const { token, answer } = await refreshing(session);
    answer(login("alice", "second"));
    expect(await token).toBe("token beside second");
    expect(stored.get(KEY)).toContain('"second"');
  });

  it("stays ended when the user logs out before the reply, and the server forgets the new one", async () => {
    const session = new Session();
    const { token, answer } = await refreshing(session);
    session.logOut();
    answer(login("alice", "second"));
    await expect(token).rejects.toMatchObject({ code: "unauthorized" });
    expect(sent.slice(1)).toEqual([
      { name: "logout", refreshToken: "first" },
      { name: "logout", refreshToken: "second" },
    ]);
    expect([stored.size, session.user.value, session.ended.value]).toEqual([0, undefined, undefined]);
  });

  it("does not replace that of another user who has logged in in another tab", async () => {
    const session = new Session();
    const { token, answer } = await refreshing(session);
    store(login("bob", "of bob"));
    answer(login("alice", "second"));
    await expect(token).rejects.toMatchObject({ code: "unauthorized" });
    expect(sent.slice(1)).toEqual([{ name: "logout", refreshToken: "second" }]);
    expect(stored.get(KEY)).toContain('"of bob"');
    expect(session.user.value).toBe("bob");
  });

  it("is that of another tab when this one's refresh comes second, or is refused", async () => {
    for (const [reply, status] of [
      [login("alice", "third"), 200],
      [REFUSAL, 401],
    ] as const) {
      sent.length = 0;
      answers.length = 0;
      store(login("alice", "first"));
      const { token, answer } = await refreshing(new Session());
      store(login("alice", "second"));
      answer(reply, status);
      expect(await token).toBe("token beside second");
    }
  });

  it("is over without a word when another tab has logged out, and the server refuses the token", async () => {
    const session = new Session();
    const { token, answer } = await refreshing(session);
    stored.clear();
    answer(REFUSAL, 401);
    await expect(token).rejects.toMatchObject({ code: "unauthorized" });
    expect([session.user.value, session.ended.value]).toEqual([undefined, undefined]);
  });
});
