import { Command } from "commander";
import { z } from "zod";
import { type ApiFlags, addApiFlags, callApi } from "../../api.ts";
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
