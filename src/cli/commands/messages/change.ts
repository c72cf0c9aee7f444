import { Command, InvalidArgumentError, Option } from "commander";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseId } from "../../names.ts";
import { print, printJson } from "../../output.ts";
import { parseData, Receipt } from "./publish.ts";

interface ChangeFlags extends ApiFlags {
  user?: string;
  group?: string;
  offset: number;
  id: string;
  data?: unknown;
}

/** The command `edit`: replaces the data of a stored message. */
export const editCommand = (): Command =>
  changeCommand("edit", "replace the data of a stored message of a user, a group or everyone").requiredOption(
    "--data <json>",
    "new data of the message",
    parseData,
  );

/** The command `delete`: deletes the data of a stored message. */
export const deleteCommand = (): Command =>
  changeCommand("delete", "delete the data of a stored message of a user, a group or everyone");

function changeCommand(name: "edit" | "delete", description: string): Command {
  const command = new Command(name)
    .description(description)
    .addOption(new Option("--user <id>", "a message to this user").conflicts("group").argParser(parseId))
    .option("--group <id>", "a message to this group; without --user and --group one to everyone", parseId)
    .requiredOption("--offset <offset>", "offset of the message, as history --json prints it", parseOffset)
    .requiredOption("--id <id>", "id of the message");
  return addApiFlags(command, "publish").action(async (flags: ChangeFlags) => {
    const { offset, id, data } = flags;
    const body = { channel: channelOf(flags), offset, id, data };
    const receipt = await callApi(flags, `/history/${name}`, Receipt, body);
    if (flags.json === true) printJson(receipt);
    else print(`${name === "edit" ? "edited" : "deleted"} (the notice has the offset ${receipt.offset})`);
  });
}

/** Channel of a message to a user, a group, or everyone. */
export function channelOf({ user, group }: { readonly user?: string; readonly group?: string }): string {
  if (user !== undefined) return `user:${user}`;
  return group === undefined ? "all" : `group:${group}`;
}

function parseOffset(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number from 1.");
}
