import { describe, expect, it } from "vitest";
import type { Scene } from "../scene.ts";
import type { Start } from "./start.ts";

const OTHERS = ["bob", "carol", "dave", "eve", "frank", "grace"];

/** Limits by count, each of which is 2, and six requests at once that add to what is counted. */
export function limitSuite(title: string, start: Start): void {
  describe(`${title}: limits by count`, () => {
    it("hold for requests at once as for one after the other", async () => {
      const ofUser = { friendsPerUser: 2, blocksPerUser: 2, ownedGroups: 2, groupsPerUser: 2 };
      const limits = { ...ofUser, invitationsPerGroup: 2 };
      const scene = await start({ chat: { limits } });
      await scene.users("alice", ...OTHERS);
      const group = await scene.group("zoe");
      const open: string[] = [];
      for (const owner of OTHERS) open.push(await scene.group(owner));

      const atOnce: Record<string, (place: number) => ReturnType<Scene["call"]>> = {
        befriend: (place) => scene.call("alice", "befriend", { user: OTHERS[place] }),
        block: (place) => scene.call("alice", "block", { user: OTHERS[place] }),
        create: (place) => scene.call("walter", "create", { name: `group ${place}` }),
        join: (place) => scene.call("alice", "join", { group: open[place] }),
        invite: (place) => scene.call("zoe", "invite", { group, user: OTHERS[place] }),
      };
      const statuses: Record<string, number[]> = {};
      for (const [operation, call] of Object.entries(atOnce)) {
        const answers = await Promise.all(OTHERS.map((_, place) => call(place)));
        statuses[operation] = answers.map(({ status }) => status).sort();
      }
      const two = [200, 200, 409, 409, 409, 409];
      expect(statuses).toEqual({ befriend: two, block: two, create: two, join: two, invite: two });
    });
  });
}
