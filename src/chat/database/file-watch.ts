import { statSync } from "node:fs";
import { leadsTo } from "../../database/database.ts";
import { TidingsError } from "../../index.ts";

/** Time between two looks. */
const LOOK_MS = 10_000;

const gone = (path: string): TidingsError =>
  new TidingsError(
    "unavailable",
    `${path} was removed or replaced, and the chat goes on with the file that it has open: what it keeps is lost when the server ends. Restart it, with a backup if there is one`,
  );

/** Tells as long as the file is not where it was opened: queries go on, into a file that nobody will open again, so nothing else would tell. */
export class FileWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #look: () => Promise<void>;

  /** @param path of an open file */
  constructor(path: string, tell: (error: TidingsError) => void) {
    const opened = statSync(path, { bigint: true });
    this.#look = async () => {
      if (!(await leadsTo(path, opened))) tell(gone(path));
    };
    this.#timer = setInterval(() => void this.look(), LOOK_MS).unref();
  }

  look(): Promise<void> {
    return this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
