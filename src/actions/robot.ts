import { type BuiltinPorts, localConnection, loginSchema, noData } from "./builtin.ts";

/** Registers `robot.login` (on an open connection: renewal), `robot.heartBeat`, `robot.ping`. */
export function robotActions({ router, local, renewLogin }: BuiltinPorts): void {
  router.action("robot.login", loginSchema, async ({ connection }, credentials) => {
    const renewed = await renewLogin(localConnection(local, connection), credentials);
    const { user, id, platform } = connection;
    return { user, connection: id, platform, ...renewed };
  });
  router.action("robot.heartBeat", noData, () => ({ timestamp: Date.now() }));
  router.action("robot.ping", noData, (_context, data) => data);
}
