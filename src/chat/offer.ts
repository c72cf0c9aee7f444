import { z } from "zod";
import { TidingsError } from "../index.ts";
import type { Directory } from "./accounts/directory.ts";
import { chatEvents } from "./api/api.ts";
import { tellChanged } from "./changed.ts";
import type { Core } from "./core.ts";
import type { Caller, Operation } from "./operation.ts";

/** Tells a hub with an `api` which messages and requests the chat brings. @throws TidingsError `conflict` when it declares one of them itself */
export function declare({ hub, settings }: Core, operations: readonly Operation[]): void {
  const actions = operations
    .filter(({ access }) => access === "user")
    .map(({ name, takes }) => [`chat.${name}`, { input: takes }]);
  hub.extend({ events: chatEvents(settings.limits.textLength), actions: Object.fromEntries(actions) });
}

interface OfferPorts extends Core {
  readonly directory: Pick<Directory, "ensure">;
}

/** Offers operations to users: as actions `chat.<name>` over the WebSocket, and as `POST /chat/<name>` over HTTP. */
export function offer(ports: OfferPorts, operations: readonly Operation[]): void {
  const { hub, database, directory } = ports;
  const run = (operation: Operation, caller: Caller, input: unknown): Promise<unknown> =>
    database.guarded(async () => {
      await database.prepared().catch(notReady);
      if (operation.access === "user") await directory.ensure(caller.user);
      const reply = await operation.handle(caller, input);
      if (operation.changes !== undefined)
        tellChanged(ports, [caller.user], operation.changes, caller.connection?.id);
      return reply;
    });
  for (const operation of operations) {
    const { name, summary, access, takes, gives } = operation;
    hub.endpoint({
      ...{
        name: `chat${name[0]?.toUpperCase()}${name.slice(1)}`,
        path: `/chat/${name}`,
        summary,
        access,
        takes,
      },
      describes: { takes: jsonSchema(takes), gives: jsonSchema(gives) },
      handle({ identity, address }, input) {
        refuseVisitor(identity?.anonymous === true);
        const { user = "", claims = {} } = identity ?? {};
        return run(operation, { user, address, claims, connection: undefined }, input);
      },
    });
    if (access === "open") continue;
    hub.action(`chat.${name}`, takes, ({ user, claims, connection, anonymous }, input) => {
      refuseVisitor(anonymous);
      return run(operation, { user, address: connection.address, claims, connection }, input);
    });
  }
}

function refuseVisitor(isVisitor: boolean): void {
  if (isVisitor) throw new TidingsError("forbidden", "visitors have no account: log in");
}

/** Users do not learn why: the application that awaits `ready` does. */
export function notReady(): never {
  throw new TidingsError("unavailable", "the chat's database is not ready: try again");
}

const jsonSchema = (schema: z.ZodType): object => {
  const { $schema, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return rest;
};
