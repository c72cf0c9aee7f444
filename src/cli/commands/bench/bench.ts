import { Command } from "commander";
import { addBenchFlags, type BenchFlags } from "./flags.ts";

export { benchWorkerCommand } from "./worker.ts";

const DESCRIPTION =
  "test a server under load: connections, messages, latencies, loss, duplicates and order. It exits with 1 when anything is wrong";

const EXAMPLES = `
Examples:
  tidings bench http://127.0.0.1:8080
  tidings bench http://127.0.0.1:8080 --scenario chat --members 50 --rate 500 --duration 1m --html report.html
  tidings bench http://127.0.0.1:8080 http://127.0.0.1:8081 --scenario cross-node --secret "$JWT_SECRET"
  tidings bench ws://127.0.0.1:9000/echo --raw --scenario echo --template '{"say":"{marker}"}'

What the scenarios do and how to read the figures: docs/LOAD-TESTING.md`;

export function benchCommand(): Command {
  const command = new Command("bench")
    .description(DESCRIPTION)
    .argument(
      "<url...>",
      "URLs of the server's nodes, such as http://127.0.0.1:8080; with --raw of WebSockets",
    );
  return addBenchFlags(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(urls: string[], flags: BenchFlags): Promise<void> {
  const { bench } = await import("./load-test.ts"); // here, so that the other commands start fast
  await bench(urls, flags);
}
