import { encodeJson } from "../protocol/protocol.ts";
import { type BuiltinPorts, type LoginData, localConnection, loginSchema, noData } from "./builtin.ts";
import type { ActionHandler } from "./router.ts";

/** Registers `robot.login` (on an open connection: renewal), `robot.heartBeat`, `robot.ping`. */
export function robotActions({ router, local, renewLogin }: BuiltinPorts): void {
  const login: ActionHandler<LoginData> = async ({ connection }, credentials) => {
    const renewed = await renewLogin(localConnection(local, connection), credentials);
    const { user, id, platform } = connection;
    return { user, connection: id, platform, ...renewed };
  };
  const options = { isForConfined: true }; // they keep a connection alive, and do nothing else
  router.action("robot.login", loginSchema, login, options);
  router.action("robot.heartBeat", noData, () => ({ timestamp: Date.now() }), options);
  router.action("robot.ping", noData, (_context, data) => answerable(data), options);
}

/** @throws TidingsError `bad_request` for data that can be read and not written again: a number such as 1e999 */
function answerable<Data>(data: Data): Data {
  encodeJson(data);
  return data;
}
