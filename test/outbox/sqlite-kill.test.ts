import { sqliteApplication } from "./application.ts";
import { killSuite } from "./kill-suite.ts";

killSuite("SQLite", () => sqliteApplication());
