import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { COMPILED } from "../support/compiled/compiled.ts";
import { eventually } from "../support/eventually.ts";
import { end, type Outcome, type Served, serve, tidings } from "./run.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const API_KEY = "an API key of the tests";
const JWT_SECRET = "a secret of thirty-two bytes or more";

let server: Served;
beforeAll(async () => {
  server = await serve(["--host", "127.0.0.1"], { API_KEY, JWT_SECRET });
});
afterAll(() => end(server));

const environment = (): Record<string, string> => ({ TIDINGS_URL: server.url, API_KEY });

/** Runs an administrative command against the server. */
const ask = (...args: string[]): Promise<Outcome> => tidings(args, environment());

interface Listening {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: string[];
  readonly words: string[];
}

/** Starts `tidings listen` and waits until it listens. */
async function listen(args: string[], env: Record<string, string> = environment()): Promise<Listening> {
  const variables = { PATH: process.env.PATH ?? "", ...COMPILED, TIDINGS_URL: server.url, ...env };
  const child = spawn(process.execPath, [MAIN, "listen", ...args], { env: variables });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines: string[] = [];
  const words: string[] = [];
  createInterface(child.stdout).on("line", (line) => lines.push(line));
  createInterface(child.stderr).on("line", (line) => words.push(line));
  await eventually("the command listens", () => words.some((line) => line.startsWith("listening as")));
  return { child, lines, words };
}

describe("tidings listen", () => {
  it("prints the messages of a user and of groups, until it is interrupted", async () => {
    const { child, lines } = await listen(["--user", "alice", "--group", "g1", "--group", "g2"]);
    await ask("send", "--to", "alice", "--type", "chat", "--data", '{"text":"hi\\u001b[31m"}');
    await ask("send", "--group", "g2", "--type", "note", "--data", '"yo"');
    await eventually("both have come", () => lines.length === 2);
    expect(lines[0]).toMatch(/^\d{4}-.*Z {2}#1 {2}chat {2}\(application\) → alice {2}\{"text":"hi/);
    expect(lines[0]).not.toContain("\u001b");
    expect(lines[1]).toMatch(/#1 {2}note {2}\(application\) → group g2 {2}"yo"$/);
    child.kill("SIGINT");
    expect(await once(child, "close")).toEqual([0, null]);
  });

  it("prints JSON, and goes on where it was", async () => {
    await ask("send", "--to", "carol", "--type", "chat", "--data", "1");
    const first = await listen(["--user", "carol", "--json"]);
    await eventually("the message has come", () => first.lines.length === 1);
    expect(JSON.parse(first.lines[0] ?? "")).toMatchObject({ type: "chat", data: 1, to: "carol", offset: 1 });
    first.child.kill("SIGTERM");
    await once(first.child, "close");
    await ask("send", "--to", "carol", "--type", "chat", "--data", "2");
    const second = await listen(["--user", "carol", "--json"]);
    await eventually("the next message has come", () => second.lines.length === 1);
    expect(JSON.parse(second.lines[0] ?? "")).toMatchObject({ data: 2, offset: 2 });
  });

  it("takes a token in place of an API key, and says what is missing without both", async () => {
    const token = (await tidings(["token", "--user", "dave"], { JWT_SECRET })).stdout.trim();
    const { words } = await listen(["--user", "dave"], { TIDINGS_TOKEN: token });
    expect(words.join()).not.toContain(token);
    const { code, stdout, stderr } = await tidings(["listen", "--user", "dave"], { TIDINGS_URL: server.url });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("--token, TIDINGS_TOKEN");
  });

  it("ends with the server's words when the user is kicked", async () => {
    const { child, words } = await listen(["--user", "eve"]);
    // It ends before the command that kicks does.
    const closed = once(child, "close");
    await ask("kick", "eve", "--reason", "out");
    expect(await closed).toEqual([1, null]);
    expect(words.at(-1)).toContain("4501: out");
  });
});

describe("groups by the command line", () => {
  it("are joined, listed and left", async () => {
    expect((await ask("join", "team", "bob")).stdout).toBe("bob joined team, on 0 connections now\n");
    expect((await ask("groups", "bob")).stdout).toBe("GROUP\nteam\n");
    expect((await ask("members", "team")).stdout).toBe("USER  ONLINE  DURABLE\nbob   no      yes\n");
    expect(JSON.parse((await ask("leave", "team", "bob", "--json")).stdout)).toMatchObject({
      unconfirmed: 0,
    });
    expect((await ask("members", "team")).stdout).toBe("team has no members\n");
    await listen(["--user", "bob", "--group", "team"]);
    expect((await ask("member-data", "team", "bob", '{"mood":"good"}')).stdout).toBe(
      'bob carries {"mood":"good"} in team\n',
    );
    expect((await ask("members", "team")).stdout).toBe(
      'USER  ONLINE  DURABLE  DATA\nbob   yes     no       {"mood":"good"}\n',
    );
    expect((await ask("members", "team", "--count")).stdout).toBe("1 online, 0 durable\n");
    expect((await ask("member-data", "team", "eve", "1")).stderr).toContain("eve has not joined team");
    expect((await ask("member-data", "team", "bob", "{")).stderr).toContain("Expected JSON");
    expect(JSON.parse((await ask("groups", "bob", "--json")).stdout)).toEqual({ groups: [] });
  });
});

describe("tidings history", () => {
  it("prints pages, oldest first", async () => {
    for (const data of ["1", "2", "3"]) await ask("send", "--group", "old", "--type", "n", "--data", data);
    const newest = await ask("history", "--group", "old", "--limit", "2");
    expect(newest.stdout).toMatch(/#2 .* 2\n.*#3 .* 3\n\nolder messages: --before 2\n$/);
    const rest = await ask("history", "--group", "old", "--before", "2", "--json");
    expect(JSON.parse(rest.stdout)).toMatchObject({ messages: [{ data: 1, offset: 1 }], more: false });
    const since = async (time: string) => (await ask("history", "--group", "old", "--since", time)).stdout;
    expect(await since("2h")).toMatch(/#1 .* 1\n.*#2 .* 2\n.*#3 .* 3\n$/);
    expect(await since("2999-01-01")).toBe("no messages\n");
    expect((await ask("history", "--since", "soon")).stderr).toContain("Expected a date such as");
    expect((await ask("history", "--user", "nobody")).stdout).toBe("no messages\n");
  });

  it("prints the present data of what was edited and deleted", async () => {
    await ask("send", "--to", "eve", "--type", "n", "--data", '"one"');
    const read = async () => JSON.parse((await ask("history", "--user", "eve", "--json")).stdout).messages[0];
    const { id } = await read();
    const name = ["--user", "eve", "--offset", "1", "--id", id];
    expect((await ask("edit", ...name, "--data", '"two"')).stdout).toBe(
      "edited (the notice has the offset 2)\n",
    );
    expect(await read()).toMatchObject({ id, data: "two" });
    expect(JSON.parse((await ask("delete", ...name, "--json")).stdout)).toMatchObject({ offset: 3 });
    expect(await read()).toMatchObject({ id, data: null });
    expect((await ask("delete", ...name)).stderr).toContain("no message to change at offset 1");
  });
});
