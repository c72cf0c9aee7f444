import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { Command } from "commander";
import { z } from "zod";
import { TidingsError } from "../../../protocol/protocol.ts";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { print, printJson } from "../../output.ts";

const Failed = z.looseObject({ error: z.looseObject({ code: z.string(), message: z.string() }) });
const Results = z.looseObject({ results: z.array(z.looseObject({})) });

export function batchCommand(): Command {
  const command = new Command("batch")
    .description("run up to 1,000 operations (send, broadcast, kick, join, leave) in order")
    .argument(
      "[file]",
      'JSON with a list such as [{"op":"send","to":"bob","type":"chat","data":"Hi"}]; - for standard input',
      "-",
    );
  return addApiFlags(command, "publish").action(batch);
}

async function batch(file: string, flags: ApiFlags): Promise<void> {
  const reply = await callApi(flags, "/batch", Results, { operations: parse(await read(file)) });
  const failures = reply.results.flatMap((result, index) => {
    const { success, data } = Failed.safeParse(result);
    return success ? [`operation ${index + 1}: ${data.error.code}: ${data.error.message}`] : [];
  });
  if (failures.length > 0) process.exitCode = 1;
  if (flags.json === true) return printJson(reply);
  for (const failure of failures) print(failure);
  print(`${reply.results.length - failures.length} of ${reply.results.length} operations done`);
}

async function read(file: string): Promise<string> {
  if (file === "-") return text(process.stdin);
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new TidingsError("bad_request", `${file}: expected a file that can be read`, { cause });
  }
}

/** Accepts the list, and the object around it that the API takes. */
function parse(json: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    const isWrapped = typeof value === "object" && value !== null && "operations" in value;
    return isWrapped ? value.operations : value;
  } catch (cause) {
    throw new TidingsError("bad_request", "expected a JSON list of operations", { cause });
  }
}
