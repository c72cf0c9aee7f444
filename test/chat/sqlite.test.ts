import { startScene } from "./scene.ts";
import { chatSuite } from "./suite.ts";

chatSuite("SQLite", startScene);
