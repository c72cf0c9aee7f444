import type { Command } from "commander";
import { type ConfigSources, resolveConfig } from "../../../config/config.ts";
import { TidingsError } from "../../../protocol/protocol.ts";
import { addConfigFlags, configSources } from "../../config-flags.ts";

/** The directory of a server that names none. */
const DEFAULT = "./data";

/** Adds the flags that name the data directory. */
export const addDataFlags = (command: Command): Command =>
  addConfigFlags(command, ({ path }) => path === "data");

/** The directory that the flags, the environment or the file name: other settings of a server do not matter here. */
export function directoryOf(command: Command): string {
  const { flags, env = {}, file }: ConfigSources = configSources(command);
  const { data = DEFAULT } = resolveConfig({ flags, env: { DATA_DIR: env.DATA_DIR }, file });
  if (data !== false) return data;
  throw new TidingsError("bad_request", "data: expected a directory such as ./data (--data), got false");
}
