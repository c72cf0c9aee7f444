import { backplaneContract } from "./contract.ts";
import { memory } from "./memory-harness.ts";

backplaneContract("the memory backplane", memory);
