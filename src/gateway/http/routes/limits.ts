import { z } from "zod";
import { CONFIG_KEYS } from "../../../config/config.ts";
import type { ApiPorts, LimitSettings } from "../ports.ts";
import { type Route, route } from "../route.ts";

const HTTP = "limits.http.";

/** The settings below a path, for the description of the routes. The configuration checks the values. */
const settingsBelow = (prefix: string): Record<string, z.ZodType> =>
  Object.fromEntries(
    CONFIG_KEYS.filter(({ path }) => path.startsWith(prefix) && !path.slice(prefix.length).includes(".")).map(
      ({ path, doc }) => [path.slice(prefix.length), z.unknown().optional().meta({ description: doc })],
    ),
  );

const settings = z.looseObject({
  http: z.looseObject(settingsBelow(HTTP)).optional(),
  ...settingsBelow("limits."),
});

const answer = z.object({
  limits: settings.meta({ description: "The limits in force on this node." }),
  changes: settings.meta({ description: "The part that was changed while the nodes run." }),
  version: z.string().meta({ description: "Names the changes: other ones have another version." }),
});

/** Routes about the limits of clients. */
export const limitRoutes = ({ limitSettings }: ApiPorts): Route[] =>
  limitSettings === undefined ? [] : [getRoute(limitSettings), putRoute(limitSettings)];

const answerOf = ({ inForce: limits, changes, version }: LimitSettings) => ({
  limits,
  changes: { ...changes },
  version,
});

const getRoute = (limitSettings: LimitSettings): Route =>
  route({
    name: "getLimits",
    access: "admin",
    method: "get",
    path: "/limits",
    summary: "The limits of clients",
    gives: answer,
    handle: () => answerOf(limitSettings),
  });

const putRoute = (limitSettings: LimitSettings): Route =>
  route({
    name: "putLimits",
    access: "admin",
    method: "put",
    path: "/limits",
    summary:
      "Change limits of clients on all nodes; settings that are left out have the value of the configuration",
    takes: settings.extend({
      version: z.string().optional().meta({
        description:
          "`version` of the changes that these may replace: with others in force the answer is 409, and nothing changes. Default: any",
      }),
    }),
    gives: answer,
    async handle({ version, ...changes }) {
      await limitSettings.change(changes, version);
      return answerOf(limitSettings);
    },
  });
