import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Program } from "../examples/program.ts";
import { eventually } from "../support/eventually.ts";
import { startHub } from "../support/hub.ts";
import { REPOSITORY } from "../support/repository.ts";
import { type Application, numbered, rowsIn, write } from "./application.ts";
import { API_KEY, numbersOf, published } from "./suite.ts";

const PROGRAM = join(REPOSITORY, "test/outbox/relay-program.ts");

/** What becomes of an outbox whose relay ends without a warning. */
export function killSuite(title: string, start: () => Promise<Application>): void {
  describe(`an outbox in ${title} whose relay is killed`, () => {
    it("is published once and in order, also when the relay is killed between publish and delete", async () => {
      const [application, { hub, at }] = await Promise.all([start(), startHub({ apiKey: API_KEY })]);
      for (let from = 0; from < 1_000; from += 100) {
        await write(application, numbered(100, 3, from));
        await write(application, numbered(10, 3, 5_000), "ROLLBACK");
      }
      let taken = 0;
      let first: Program | undefined;
      hub.on("delivered", () => {
        taken++;
        // The hub has not answered yet, so that the relay cannot have deleted the row.
        if (taken === 200) first?.kill();
      });
      const env = { OUTBOX: application.database, HUB: at.url, HUB_KEY: API_KEY };
      const left: number[] = [];
      for (const end of [200, 400, 800]) {
        const program = new Program(process.execPath, [PROGRAM], { env });
        first ??= program;
        await eventually(`the hub has ${end}`, () => taken >= end);
        program.kill();
        await program.ended;
        left.push((await rowsIn(application)) + taken - 1_000);
      }
      // Some rows were published and not deleted when the relay ended.
      expect(Math.max(...left)).toBeGreaterThan(0);
      const last = new Program(process.execPath, [PROGRAM], { env });
      await eventually("all are published", async () => (await rowsIn(application)) === 0);
      last.terminate();
      expect(await last.ended).toBe(0);
      for (const group of [0, 1, 2])
        expect(await published(hub, `group:g${group}`)).toEqual(numbersOf(group, 3, 1_000));
    });
  });
}
