import pg from "pg";
import { createRelay, outboxSchema } from "tidings/outbox";

const {
  DATABASE_URL = "postgres://localhost/shop",
  HUB_URL = "http://127.0.0.1:8080",
  API_KEY = "",
} = process.env;
const pool = new pg.Pool({ connectionString: DATABASE_URL });
pool.on("error", (error) => console.warn(error.message)); // an idle connection has ended
pool.on("connect", (client) => client.on("error", () => undefined)); // one in use has: its next query fails
const { rows: tables } = await pool.query("SELECT to_regclass('orders') AS orders");
if (tables[0].orders === null) {
  // In a migration of your application.
  await pool.query(
    "CREATE TABLE orders (id serial PRIMARY KEY, buyer text NOT NULL, total int CHECK (total > 0))",
  );
  await pool.query(outboxSchema("postgres"));
}

/** The order and its message are committed together, or not at all. */
async function order(buyer: string, total: number): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const message = [`user:${buyer}`, "ordered", JSON.stringify({ total })];
    await client.query("INSERT INTO tidings_outbox (channel, type, data) VALUES ($1, $2, $3)", message);
    const { rows } = await client.query("INSERT INTO orders (buyer, total) VALUES ($1, $2) RETURNING id", [
      buyer,
      total,
    ]);
    await client.query("COMMIT");
    return rows[0].id;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined); // the first error says more
    throw error;
  } finally {
    client.release();
  }
}

// The hub is another process here. Several processes may have a relay: one works, and the next takes over when it ends.
const relay = createRelay({ database: DATABASE_URL, hub: { url: HUB_URL, apiKey: API_KEY } });

for (const total of [10, -1, 20]) {
  await order("bob", total).then(
    (id) => console.log(`order ${id} of ${total}`),
    (error: Error) => console.log(`no order of ${total}: ${error.message}`),
  );
}
process.once("SIGTERM", async () => {
  await relay.close();
  await pool.end();
});
