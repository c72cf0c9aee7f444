import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Peer } from "../support/peer.ts";
import { end, type Outcome, type Served, serve, tidings } from "./run.ts";

const API_KEY = "an API key of the tests";

let server: Served;
beforeAll(async () => {
  server = await serve(["--node-id", "n1"], { API_KEY });
});
afterAll(() => end(server));

const ask = (...args: string[]): Promise<Outcome> => tidings(args, { TIDINGS_URL: server.url, API_KEY });

async function askJson(...args: string[]): Promise<unknown> {
  const { code, stdout, stderr } = await ask(...args, "--json");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

describe("tidings why", () => {
  it("prints where a message went, and why a user did not get it", async () => {
    const { id } = (await askJson("send", "--to", "why-1", "--type", "n", "--ephemeral")) as { id: string };
    const { code, stdout } = await ask("why", id);
    expect(code).toBe(0);
    const [story = "", , header = "", row = "", , finding = ""] = stdout.split("\n");
    expect(story).toMatch(
      new RegExp(`^${id} to user:why-1, from the application, \\S+, ephemeral, published by n1$`),
    );
    expect(header).toMatch(/^NODE +TOOK IT +REFUSED IT +RECEIVERS NOW$/);
    expect(row).toMatch(/^n1 +0 +0 +0$/);
    expect(finding).toBe("not_connected: why-1 had no connection when the message was published");
  });

  it("explains a user, a message of a user, and a group of a user", async () => {
    const peer = await Peer.connect(`${server.socketUrl}?user_id=why-2`);
    onTestFinished(() => peer.end());
    expect((await ask("why", "why-2")).stdout).toMatch(/^why-2\n\nno_message: /);
    expect((await ask("why", "why-2", "--group", "why-g")).stdout).toMatch(/^why-2\n\nno_membership: /);
    const { id } = (await askJson("send", "--to", "why-3", "--type", "n", "--data", "1")) as { id: string };
    for (const args of [
      ["why-2", "--message", id],
      [id, "--user", "why-2"],
      ["--user", "why-2", "--message", id],
    ]) {
      expect(await askJson("why", ...args)).toMatchObject({
        user: "why-2",
        findings: [{ code: "sent_to_other" }],
        message: { id, channel: "user:why-3" },
      });
    }
    expect((await ask("why")).stderr).toContain("expected the id of a message, or a user");
  });
});
