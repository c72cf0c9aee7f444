import { describe, expect, it } from "vitest";
import { Database } from "../../../src/chat/database/database.ts";
import type { Scene } from "../scene.ts";
import type { Start } from "./start.ts";

/** Texts that would change the meaning of a query if they were part of it. */
const INJECTIONS = [
  "' OR '1'='1",
  "'; DROP TABLE chat_account; --",
  'x"; DELETE FROM chat_member; --',
  "%",
  "_",
  "\\",
  "') UNION SELECT password FROM chat_account --",
  "$1 ? :name @p",
];

const NAMES = [
  "Ålesund",
  "Ελένη",
  "Ольга",
  "שירה",
  "ليلى",
  "प्रिया",
  "สมชาย",
  "李小龍",
  "さくら",
  "김민준",
  "አበበ",
  "👩‍🚀 Ada",
  "𝔘𝔫𝔦",
  "Zoë von Ünïcødé",
];

/** Makes all refresh tokens older, as if the time had gone by. */
async function age({ database: target }: Scene, seconds: number): Promise<void> {
  const database = new Database(target);
  await database.ready;
  await database.queries
    .updateTable("chat_session")
    .set(({ eb }) => ({ expires_at: eb("expires_at", "-", seconds * 1_000) }))
    .execute();
  await database.close();
}

/** Accounts: register, log in, names of every script. */
export function accountSuite(title: string, start: Start): void {
  describe(`the chat on ${title}: accounts`, () => {
    it("registers, logs in, refreshes and changes the password", async () => {
      const scene = await start();
      const registered = await scene.ok(undefined, "register", { user: "alice", password: "correct horse" });
      expect(registered).toMatchObject({ user: "alice", expiresAt: expect.any(Number) });
      expect(await scene.code(undefined, "register", { user: "ALICE", password: "another one" })).toBe(
        "conflict",
      );
      expect(await scene.code(undefined, "login", { user: "alice", password: "wrong" })).toBe("unauthorized");
      expect(await scene.code(undefined, "login", { user: "nobody", password: "wrong" })).toBe(
        "unauthorized",
      );
      const { token, refreshToken } = await scene.ok(undefined, "login", {
        user: "Alice",
        password: "correct horse",
      });
      const { user } = await (await scene.peer("alice")).frame("welcome");
      expect(user).toBe("alice");
      expect(token).not.toBe(registered.token);
      const next = await scene.ok(undefined, "refresh", { refreshToken });
      expect(next.user).toBe("alice");
      await age(scene, 20);
      // The reply may have been lost. A repetition does not make the token last longer.
      await scene.ok(undefined, "refresh", { refreshToken });
      await age(scene, 10);
      expect(await scene.code(undefined, "refresh", { refreshToken })).toBe("unauthorized");
      const change = { password: "correct horse", newPassword: "battery staple" };
      const changed = await scene.ok("alice", "password", change);
      expect(await scene.code(undefined, "refresh", { refreshToken: next.refreshToken })).toBe(
        "unauthorized",
      );
      expect(await scene.code(undefined, "login", { user: "alice", password: "correct horse" })).toBe(
        "unauthorized",
      );
      await scene.ok(undefined, "logout", { refreshToken: changed.refreshToken });
      expect(await scene.code(undefined, "refresh", { refreshToken: changed.refreshToken })).toBe(
        "unauthorized",
      );
    });

    it("refuses logins after too many failures, also with the right password, and says for how long", async () => {
      const scene = await start({ chat: { limits: { failedLogins: 2 } } });
      await scene.ok(undefined, "register", { user: "bob", password: "the right one" });
      for (let attempt = 0; attempt < 2; attempt++)
        expect(await scene.code(undefined, "login", { user: "bob", password: "a guess" })).toBe(
          "unauthorized",
        );
      const { status, retryAfter } = await scene.call(undefined, "login", {
        user: "bob",
        password: "the right one",
      });
      expect(status).toBe(429);
      expect(Number(retryAfter)).toBeGreaterThan(600);
    });

    it("lets no more guesses pass at the same time than one after the other, whatever the addresses of a network", async () => {
      const scene = await start({
        hub: { trustProxy: ["127.0.0.1"] },
        chat: { limits: { failedLogins: 2, registrationsPerAddress: 1 } },
      });
      // A customer of a provider has all addresses of such a network.
      const send = async (operation: string, body: object, host: number): Promise<number> => {
        const headers = { "x-forwarded-for": `2001:db8:1:2::${host}` };
        const url = `${scene.running.at.url}/chat/${operation}`;
        return (await fetch(url, { method: "POST", headers, body: JSON.stringify(body) })).status;
      };
      expect(await send("register", { user: "bob", password: "the right one" }, 1)).toBe(200);
      expect(await send("register", { user: "bot", password: "the right one" }, 2)).toBe(429);
      const guesses = Array.from({ length: 12 }, (_, host) =>
        send("login", { user: "bob", password: `guess ${host}` }, host + 1),
      );
      const statuses = (await Promise.all(guesses)).sort();
      expect(statuses).toEqual([401, 401, ...Array.from({ length: 10 }, () => 429)]);
    });

    it("asks for a token, and takes no key in its place", async () => {
      const apiKey = "an API key of the tests";
      const scene = await start({ hub: { apiKey } });
      expect(await scene.code(undefined, "groups")).toBe("unauthorized");
      const answer = await fetch(`${scene.running.at.url}/chat/groups`, {
        method: "POST",
        headers: { "x-api-key": apiKey },
      });
      expect(answer.status).toBe(401);
      const document = await fetch(`${scene.running.at.url}/openapi.json`, {
        headers: { "x-api-key": apiKey },
      });
      const { paths } = (await document.json()) as { paths: Record<string, { post: { security: unknown } }> };
      expect(paths["/chat/groups"]?.post.security).toEqual([{ user: [] }]);
      expect(paths["/chat/login"]?.post.security).toEqual([]);
    });

    it("takes names of every script, and texts that look like SQL, as they are", async () => {
      const scene = await start();
      for (const name of [...NAMES, ...INJECTIONS]) {
        await scene.ok(name, "update", { name: `${name} the user` });
        expect(await scene.ok(name, "profile")).toMatchObject({
          user: name.trim(),
          name: `${name} the user`,
        });
        const { users } = await scene.ok("alice", "search", { text: `${name} the` });
        expect(users.map((each: { user: string }) => each.user)).toEqual([name]);
      }
      // A hash takes its time, so only some of them log in.
      for (const name of INJECTIONS.slice(0, 2))
        expect(await scene.code(undefined, "login", { user: name, password: name })).toBe("unauthorized");
      const bad = [`a\u0000b`, "\ud800", "", " ", "\u200b", "\u2060\u{e0001}", "x".repeat(101)];
      for (const name of bad) expect(await scene.code("alice", "update", { name })).toBe("bad_request");
      expect(await scene.code("alice", "update", { picture: "http://example.com/a.png" })).toBe(
        "bad_request",
      );
      await scene.ok("alice", "update", { picture: "https://example.com/a.png" });
      expect(await scene.ok("bob", "profile", { user: "alice" })).toMatchObject({
        picture: "https://example.com/a.png",
      });
      // Text that PostgreSQL cannot store is a mistake of its sender, and no outage.
      for (const text of ["a\u0000b", "\ud800"]) {
        expect(await scene.code(undefined, "login", { user: text, password: "x" })).toBe("bad_request");
        expect(await scene.code("alice", "groups", { cursor: text })).toBe("bad_request");
      }
    });
  });
}
