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
  router.action("robot.ping", noData, (_context, data) => data, options);
}
