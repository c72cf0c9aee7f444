import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { createHub } from "tidings";
import { createRelay, outboxSchema } from "tidings/outbox";

const file = process.env.DATABASE ?? "./shop.db";
const database = new DatabaseSync(file, { timeout: 5_000 });
database.exec("PRAGMA journal_mode = WAL");
if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'orders'").get() === undefined) {
  // In a migration of your application.
  database.exec(
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, buyer TEXT NOT NULL, total INTEGER CHECK (total > 0))",
  );
  database.exec(outboxSchema("sqlite"));
}
const addMessage = database.prepare("INSERT INTO tidings_outbox (channel, type, data) VALUES (?, ?, ?)");
const addOrder = database.prepare("INSERT INTO orders (buyer, total) VALUES (?, ?)");

/** The order and its message are committed together, or not at all. */
function order(buyer: string, total: number): number {
  database.exec("BEGIN IMMEDIATE");
  try {
    addMessage.run(`user:${buyer}`, "ordered", JSON.stringify({ total }));
    const { lastInsertRowid } = addOrder.run(buyer, total); // fails unless the total is above 0
    database.exec("COMMIT");
    return Number(lastInsertRowid);
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

const hub = createHub();
const relay = createRelay({ database: `sqlite:${file}`, hub });

const server = createServer((request, response) => {
  const { searchParams } = new URL(request.url ?? "/", "http://shop");
  try {
    const id = order(searchParams.get("buyer") ?? "", Number(searchParams.get("total")));
    response.end(`order ${id}\n`);
  } catch (error) {
    response.writeHead(400).end(`${error instanceof Error ? error.message : error}\n`);
  }
});
hub.attach(server);
server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log(server.address()));

process.once("SIGTERM", async () => {
  server.close();
  await relay.close();
  await hub.close();
  database.close();
});
