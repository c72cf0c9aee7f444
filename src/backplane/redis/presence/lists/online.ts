import type { OnlinePage, OnlineUser } from "../../../port.ts";
import type { RunScript } from "../../connection/connection.ts";
import { EVERY_PARTITION } from "../../wire/keys.ts";
import { FIELD } from "../../wire/lines.ts";
import { CENSUS, PAGE } from "../scripts.ts";
import { type Part, type Partitioned, type Rank, readPage } from "./pages.ts";

/** Users online in the whole cluster, by the order of their arrival. */
export class OnlineUsers implements Partitioned<OnlineUser> {
  readonly #run: RunScript;

  constructor(run: RunScript) {
    this.#run = run;
  }

  /** Counts users and connections: one small call for each partition, however many users are online. */
  async countAll(): Promise<{ users: number; connections: number }> {
    const counts = await Promise.all(
      EVERY_PARTITION.map((partition) => this.#census({ partition, order: 0 })),
    );
    return {
      users: counts.reduce((sum, { users }) => sum + users, 0),
      connections: counts.reduce((sum, { connections }) => sum + connections, 0),
    };
  }

  /** Reads a page as {@link readPage} does. */
  page(limit: number, cursor?: string): Promise<OnlinePage> {
    return readPage(this, limit, cursor);
  }

  async count(rank: Rank): Promise<number> {
    return (await this.#census(rank)).users;
  }

  async read({ partition, order }: Rank, limit: number): Promise<Part<OnlineUser>> {
    const fields = (await this.#run(PAGE, partition, [order, limit])) as (string | number)[]; // by the script
    const users = Array.from({ length: fields.length / FIELDS_PER_USER }, (_, index) =>
      listedOf(fields.slice(index * FIELDS_PER_USER, (index + 1) * FIELDS_PER_USER)),
    );
    return { users, next: users.length < limit ? undefined : users.at(-1)?.order };
  }

  async #census({ partition, order }: Rank): Promise<{ users: number; connections: number }> {
    const [users = 0, connections = 0] = (await this.#run(CENSUS, partition, [order])) as number[]; // by the script
    return { users, connections };
  }
}

const FIELDS_PER_USER = 4;

function listedOf([user, order, connections, platforms]: (
  | string
  | number
)[]): Part<OnlineUser>["users"][number] {
  return {
    user: { user: String(user), connections: Number(connections), platforms: String(platforms).split(FIELD) },
    order: Number(order),
  };
}
