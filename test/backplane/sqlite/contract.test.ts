import { afterAll } from "vitest";
import { backplaneContract } from "../contract/contract.ts";
import { removeDirectories, sqliteWith } from "./harness.ts";

afterAll(removeDirectories);

backplaneContract("the SQLite backplane", sqliteWith("normal"));

backplaneContract("the SQLite backplane, each commit written to the disk", sqliteWith("full"));
