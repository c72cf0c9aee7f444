import { Command, InvalidArgumentError, Option } from "commander";
import { capacityFor, type Load } from "../../capacity.ts";
import { formatTable, print, printJson } from "../../output.ts";

export function capacityCommand(): Command {
  const command = new Command("capacity").description("estimate the nodes and the Redis that a load needs");
  const add = (name: string, description: string, initial: number, parse = positive): void => {
    command.addOption(new Option(`--${name} <number>`, description).default(initial).argParser(parse));
  };
  add("connections", "connections at the busiest time", 10_000);
  add("publishes", "messages published in a second", 100);
  add("audience", "connections that get a message, on average", 10);
  add("bytes", "length of a message's data", 200);
  add("stored", "share of the messages that is stored", 1, share);
  add("retention-s", "how long histories keep messages, in seconds", 86_400);
  add("connects", "connections that begin in a second", 100);
  add("target", "share of its core that a node uses at most", 0.5, target);
  command.option("--json", "print JSON");
  return command.action((load: Load & { json?: true }) => {
    const capacity = capacityFor(load);
    if (load.json === true) return printJson(capacity);
    const { nodes, needed, perNode, redis } = capacity;
    const rows = [
      ["nodes, a core each", String(nodes), `CPU needs ${needed.cpu}, memory ${needed.memory}, one is spare`],
      ["connections of a node", perNode.connections.toLocaleString("en"), "while one node is down"],
      ["memory of a node", mebibytes(perNode.memoryBytes), "without the kernel's socket buffers"],
      ["network of a node", `${(perNode.bitsPerSecond / 1e6).toFixed(1)} Mbit/s`, "to clients"],
      ["memory of Redis", mebibytes(redis.memoryBytes), "histories, idempotency keys, connections"],
      [
        "CPU of Redis",
        `${(100 * redis.cores).toFixed(1)} %`,
        "of its one core; above 70 % use Redis Cluster",
      ],
    ];
    print(formatTable(["", "", ""], rows).trimStart());
  });
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / (1 << 20)).toLocaleString("en")} MiB`;

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError(`expected a number from 0, got "${text}"`);
  return value;
}

function share(text: string): number {
  const value = positive(text);
  if (value > 1) throw new InvalidArgumentError(`expected a number from 0 to 1, got "${text}"`);
  return value;
}

function target(text: string): number {
  const value = share(text);
  if (value === 0) throw new InvalidArgumentError("expected a number above 0, up to 1");
  return value;
}
