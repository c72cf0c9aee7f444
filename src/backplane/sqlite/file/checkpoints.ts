import { type FileHandle, open } from "node:fs/promises";
import { Worker } from "node:worker_threads";

/** Changes after which a checkpoint is made, although the interval is not over: a change writes a page or more. */
const CHANGES = 16_384;

/** Time between checkpoints of a file that changes. What a crash of the system may cost is younger. */
const INTERVAL_MS = 5_000;

/** Pages in the log, 256 MiB, from which on it should begin anew. */
const MANY_PAGES = 65_536;

/** Pages in the log, 1 GiB, from which on it begins anew however long changes wait for that. */
const MOST_PAGES = 262_144;

/**
 * Size of the log that is kept when it begins anew, 384 MiB, so that it is cut only after an overload. To cut it takes the system some 100 ms, for which
 * changes would wait each time.
 */
const KEPT_BYTES = 402_653_184;

/** Pages that the last step may have to move while changes wait: it takes some milliseconds. */
const FEW_PAGES = 512;

/** Steps before the last one, at most. Under load each one leaves fewer pages to the next. */
const MOST_STEPS = 6;

/** Answer of a step that failed: the disk is full, or fails. Changes fail as well, and say so. */
const FAILED = -1;

/**
 * The program of the thread, as text: a file of its own would have to survive every bundler. Each step answers with the pages in the
 * log. A log that is in the file as a whole begins anew with the next change, which waits for the disk. That must not be a change of the
 * main thread: a read that stays open (`pin`) keeps the log as it is, and only `finish` ends it, and makes that change itself.
 */
const PROGRAM = `
const { parentPort, workerData } = require("node:worker_threads");
const emit = process.emitWarning;
process.emitWarning = () => undefined;
const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
process.emitWarning = emit;
const db = new DatabaseSync(workerData);
db.exec("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA busy_timeout = 5000");
db.exec("PRAGMA journal_size_limit = ${KEPT_BYTES}");
const checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
const note = db.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('checkpoint', ?)");
let [pin, spare] = [new DatabaseSync(workerData), new DatabaseSync(workerData)];
const release = (reader) => reader.isTransaction && reader.exec("ROLLBACK");
const renew = () => {
  spare.exec("BEGIN; SELECT count(*) FROM meta");
  [pin, spare] = [spare, pin];
  release(spare);
};
parentPort.on("message", (step) => {
  if (step === "end") {
    for (const each of [pin, spare, db]) each.close();
    parentPort.close();
    return;
  }
  let pages = ${FAILED};
  try {
    if (step === "begin") renew();
    else release(pin);
    pages = checkpoint.get().log;
    if (step === "finish") {
      note.run(new Date().toISOString());
      renew();
    }
  } catch {
    // The next checkpoint tries again.
    for (const each of [pin, spare]) release(each);
  }
  parentPort.postMessage(pages);
});
`;

/** The file that is brought up to date. */
export interface CheckpointedFile {
  readonly path: string;
  sync(): Promise<void>;
}

/** Writes, which can wait for a moment. */
export interface Pausable {
  hold(): void;
  release(): void;
}

type Step = "begin" | "finish";

/** Moves the log of changes into the file now and then, on another thread: the disk may take its time. */
export class Checkpoints {
  readonly #file: CheckpointedFile;
  readonly #writer: Pausable;
  readonly #timer: NodeJS.Timeout;
  #worker: Worker | undefined;
  /** Changes since the last checkpoint. */
  #changes = 0;
  #running: Promise<void> | undefined;
  #log: FileHandle | undefined;

  constructor(file: CheckpointedFile, writer: Pausable) {
    this.#file = file;
    this.#writer = writer;
    this.#timer = setInterval(() => this.#due(), INTERVAL_MS).unref();
  }

  /** Counts committed changes. */
  changed(changes: number): void {
    this.#changes += changes;
    if (this.#changes >= CHANGES) this.#due();
  }

  /** Makes committed changes survive a crash of the system, without a checkpoint and without stopping the event loop. */
  async sync(): Promise<void> {
    this.#log ??= await open(`${this.#file.path}-wal`);
    await this.#log.datasync();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
    await this.#log?.close();
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    worker.ref();
    worker.postMessage("end");
    await ended;
  }

  #due(): void {
    if (this.#changes === 0 || this.#running !== undefined) return;
    this.#changes = 0;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    if (!(await this.#approach())) return;
    // The log begins anew only when all of it is in the file, so changes wait for the last step.
    this.#writer.hold();
    try {
      await this.#step("finish");
    } finally {
      this.#writer.release();
    }
  }

  /** Moves what is in the log, and again what came meanwhile. @returns whether the log should begin anew now */
  async #approach(): Promise<boolean> {
    let before = 0;
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const pages = await this.#step("begin");
      if (pages === FAILED || pages < MANY_PAGES) return false;
      if (pages - before < FEW_PAGES) return true;
      before = pages;
      // The last step brings the file to the disk while changes wait: what is there by then costs no time.
      if (!(await this.#synced())) return false;
    }
    // Too much comes at present: the log grows, and the next checkpoint goes on.
    return before > MOST_PAGES;
  }

  /** @returns false when the disk fails: then changes fail as well, and say so */
  #synced(): Promise<boolean> {
    return this.#file.sync().then(
      () => true,
      () => false,
    );
  }

  /** Resolves with the pages in the log when the thread has made a step, and when it has ended. */
  #step(step: Step): Promise<number> {
    const worker = this.#start();
    // Changes wait for the step, so the process must not end before it.
    worker.ref();
    return new Promise((resolve) => {
      const finish = (pages: unknown): void => {
        worker.off("message", finish);
        worker.off("exit", fail);
        worker.unref();
        resolve(Number(pages));
      };
      const fail = (): void => finish(FAILED);
      worker.on("message", finish);
      worker.on("exit", fail);
      worker.postMessage(step);
    });
  }

  /** Starts the thread at the first checkpoint: a small application never needs it. */
  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(PROGRAM, { eval: true, workerData: this.#file.path });
    worker.on("error", () => undefined); // `exit` follows, and the next checkpoint starts another thread
    worker.once("exit", () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    this.#worker = worker;
    return worker;
  }
}
