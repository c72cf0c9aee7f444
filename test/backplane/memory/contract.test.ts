import { backplaneContract } from "../contract/contract.ts";
import { memory } from "./harness.ts";

backplaneContract("the memory backplane", memory);
