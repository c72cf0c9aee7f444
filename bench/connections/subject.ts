/** A process that is measured: it holds the server, and the clients' ends of all sockets. */
import { answerCalls } from "../rig/rig.ts";
import type { Kind } from "./doors.ts";
import { measureControl, measureHub } from "./phases.ts";
import type { ControlFigures, HubFigures, Plan } from "./plan.ts";

/** A type alias, because the calls of an API are looked up by name. */
export type SubjectApi = {
  control(argument: { readonly kind: Exclude<Kind, "hub">; readonly plan: Plan }): Promise<ControlFigures>;
  hub(plan: Plan): Promise<HubFigures>;
};

answerCalls<SubjectApi>({
  control: ({ kind, plan }) => measureControl(kind, plan),
  hub: (plan) => measureHub(plan, (what) => console.error(`hub: ${what}`)),
});
