import { networkInterfaces } from "node:os";
import { describe, expect, it } from "vitest";
import { reachableAddress } from "../../../src/gateway/gateway.ts";

describe("the reachable address", () => {
  it("is the address that a server is bound to", () => {
    expect(reachableAddress("127.0.0.1")).toBe("127.0.0.1");
    expect(reachableAddress("10.1.2.3")).toBe("10.1.2.3");
  });

  it("is an address of the machine when a server is bound to all of them", () => {
    const own = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address));
    for (const all of ["0.0.0.0", "::"]) expect(own).toContain(reachableAddress(all));
  });
});
