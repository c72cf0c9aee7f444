import { key } from "../key.ts";
import { oneOf, whole } from "../values.ts";

/** Settings of the data directory. */
export const STORAGE = {
  sync: key(oneOf(["normal", "full"]), "normal", {
    doc:
      "what a stored message survives: `normal` the end of the process, and `full` a crash of the operating system or a power " +
      "failure as well, at the price of a write to the disk for each tick",
  }),
  maxBytes: key(whole(1), 10_737_418_240, {
    unit: "bytes",
    doc: "size of all history in `data`; beyond it the heaviest channels are evicted (10 GiB). The file is larger by its indexes",
  }),
};
