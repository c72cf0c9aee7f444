import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createChat } from "../../src/chat/chat.ts";
import { createHub } from "../../src/index.ts";
import { SECRET, startScene, temporaryDirectory } from "./scene.ts";
import { chatSuite } from "./suite/suite.ts";

chatSuite("SQLite", startScene);

it("nobody else on the machine reads the tables: the directory and the file are their owner's alone", async () => {
  const data = join(temporaryDirectory(), "data");
  const hub = createHub({ jwt: { secret: SECRET }, data, logLevel: "silent" });
  const chat = createChat({ hub });
  await chat.ready;
  const modes = [data, join(data, "chat.db")].map((path) => statSync(path).mode & 0o777);
  expect(modes).toEqual([0o700, 0o600]);
  await hub.close();
  await chat.close();
});
