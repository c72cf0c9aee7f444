/** Program of the thread that has the database, so that neither a disk nor a search keeps the hub's event loop waiting. */
import { parentPort, workerData } from "node:worker_threads";
import { SEARCH_MS } from "../sql/search.ts";
import { LogDatabase, TooLong } from "./database.ts";
import type { Reply, Request, ThreadStart, Work } from "./request.ts";

const { path, isReader } = workerData as ThreadStart; // given by DatabaseThread
let database: LogDatabase | undefined;

function answerTo(work: Work): Extract<Reply, { answer: unknown }>["answer"] {
  if (work.do === "close") {
    database?.close();
    return undefined;
  }
  if (database?.isGone && database.leave()) database = undefined;
  // A failed open is tried again: the disk may have had no room.
  database ??= new LogDatabase(path, isReader);
  if (work.do === "write") return database.write(work.records);
  if (work.do === "query") return database.query(work.sql, work.values, SEARCH_MS);
  return work.do === "expire" ? database.expire(work.before) : undefined;
}

function replyTo({ id, ...work }: Request): Reply {
  try {
    return { id, answer: answerTo(work) };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    return { id, failure, isTooLong: error instanceof TooLong };
  }
}

parentPort?.on("message", (request: Request) => {
  parentPort?.postMessage(replyTo(request));
  if (request.do === "close") parentPort?.close();
});
