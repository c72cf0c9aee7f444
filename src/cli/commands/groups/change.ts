import { Command } from "commander";
import { z } from "zod";
import { TidingsError } from "../../../protocol/protocol.ts";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
import { parseJson } from "../../json.ts";
import { parseId } from "../../names.ts";
import { print, printJson } from "../../output.ts";

const Moved = z.looseObject({ connections: z.number(), unconfirmed: z.number() });

/** The command `join`: makes a user a durable member of a group. */
export const joinCommand = (): Command =>
  changeCommand(
    "join",
    "make a user a durable member of a group: joined now, and at every later login",
    "joined",
  );

/** The command `leave`: ends a membership. */
export const leaveCommand = (): Command =>
  changeCommand("leave", "end a user's membership of a group, on all connections", "left");

function changeCommand(name: "join" | "leave", description: string, done: string): Command {
  const command = new Command(name)
    .description(description)
    .argument("<group>", "the group", parseId)
    .argument("<user>", "the user", parseId);
  return addApiFlags(command, "admin").action(async (group: string, user: string, flags: ApiFlags) => {
    const reply = await callApi(flags, `/groups/${name}`, Moved, { group, user });
    if (flags.json === true) return printJson(reply);
    const { connections, unconfirmed } = reply;
    const silent = unconfirmed === 0 ? "" : `; ${unconfirmed} more nodes have not answered`;
    const which = connections === 1 ? "connection" : "connections";
    print(`${user} ${done} ${group}, on ${connections} ${which} now${silent}`);
  });
}

const Written = z.looseObject({ joined: z.boolean() });

/** The command `member-data`: sets what a user carries in a group. */
export function memberDataCommand(): Command {
  const command = new Command("member-data")
    .description("set the data that a user carries in a group until the user leaves it")
    .argument("<group>", "the group", parseId)
    .argument("<user>", "the user", parseId)
    .argument("<json>", "the data: a JSON value of at most 1 KiB", parseJson);
  return addApiFlags(command, "admin").action(
    async (group: string, user: string, data: unknown, flags: ApiFlags) => {
      const reply = await callApi(flags, "/groups/data", Written, { group, user, data });
      if (flags.json === true) return printJson(reply);
      if (!reply.joined) throw new TidingsError("not_found", `${user} has not joined ${group}`);
      print(`${user} carries ${JSON.stringify(data)} in ${group}`);
    },
  );
}
