import { startScene } from "./scene.ts";
import { chatSuite } from "./suite/suite.ts";

chatSuite("SQLite", startScene);
