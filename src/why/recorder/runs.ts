const SECOND_MS = 1_000;

/** Clients that are counted at once: a flood from very many addresses begins the count anew, instead of growing it. */
const MAX_RUNS = 1_024;

/** Records of one kind and client within a second. */
export interface Run {
  records: number;
  /** Number of the last one. */
  last: number;
}

/** By what clients are told apart. */
export interface Befallen {
  readonly kind: string;
  readonly user?: string | undefined;
  readonly address?: string | undefined;
}

/** Counts the records of each client, so that one that goes on pushes out nothing of what befell others. */
export class Runs {
  readonly #byClient = new Map<string, Run>();
  #second = 0;

  /** The run to which an incident belongs. Who has no user is known by the address, and the application by neither. */
  of({ kind, user, address }: Befallen, now: number): Run {
    const second = Math.floor(now / SECOND_MS);
    if (second !== this.#second || this.#byClient.size >= MAX_RUNS) this.#byClient.clear();
    this.#second = second;
    const client = user === undefined ? `${kind} from ${address}` : `${kind} of ${user}`;
    const known = this.#byClient.get(client);
    if (known !== undefined) return known;
    const run = { records: 0, last: 0 };
    this.#byClient.set(client, run);
    return run;
  }
}
