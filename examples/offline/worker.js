// The script of the SharedWorker: it holds the connection for all tabs.
import { serveTabs } from "/offline.js";

serveTabs();
