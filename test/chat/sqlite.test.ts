import { copyFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createChat } from "../../src/chat/chat.ts";
import { FileWatch } from "../../src/chat/database/file-watch.ts";
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

it("tells that the file was moved away or replaced under the server, for as long as it is", async () => {
  const path = join(temporaryDirectory(), "chat.db");
  writeFileSync(path, "tables");
  const told: string[] = [];
  const watch = new FileWatch(path, ({ message }) => told.push(message));
  onTestFinished(() => watch.stop());
  await watch.look();
  expect(told).toEqual([]);
  renameSync(path, `${path}.moved`);
  await watch.look();
  copyFileSync(`${path}.moved`, path);
  await watch.look();
  expect(told).toEqual(Array.from({ length: 2 }, () => expect.stringContaining("removed or replaced")));
  renameSync(`${path}.moved`, path);
  await watch.look();
  expect(told).toHaveLength(2);
});
