import { describe, expect, it } from "vitest";
import { Program } from "../examples/program.ts";
import { freePort } from "../support/free-port.ts";
import { REPOSITORY } from "../support/repository.ts";
import { readPage } from "./markdown.ts";

const page = readPage("README.md");

/** The commands of a section, as they stand there. */
function commandsOf(heading: string): string[] {
  const [, section = ""] = page.text.split(`${heading}\n`);
  return [...(section.split(/^#/m)[0]?.matchAll(/^```sh\n(.*?)^```$/gms) ?? [])].map(([, text = ""]) =>
    text.trim(),
  );
}

describe("the first five minutes of README.md", () => {
  it("have a message that arrives, and is kept for a client that has not acknowledged it", async () => {
    const port = await freePort();
    const shell = (command: string): Program => {
      const text = `exec ${command.replaceAll("127.0.0.1:8080", `127.0.0.1:${port}`)}`;
      return new Program("bash", ["-c", text], { cwd: REPOSITORY, env: { PORT: `${port}` } });
    };
    const [listen = "", send = ""] = commandsOf("### 4. Send from a backend");
    const [start = ""] = commandsOf("### 1. Start a server");

    const server = shell(start.replace("npm ci && ", ""));
    await server.prints("Tidings is listening");
    const first = shell(listen);
    await first.prints('"event":"welcome"');
    expect(await shell(send).ended).toBe(0);
    await first.prints('"offset":1}');
    first.terminate();
    await first.ended;

    expect(await shell(send).ended).toBe(0);
    const second = shell(listen);
    await second.prints('"offset":2}');
    expect(second.output.match(/"type":"chat","data":"Hello"/g)).toHaveLength(2);
  });
});
