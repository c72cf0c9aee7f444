import { describe, expect, it } from "vitest";
import { type Address, readAddress, writeAddress } from "../../../../web/dev/model/address.ts";

describe("the address of the page", () => {
  it("names the user and the open conversation", () => {
    expect(writeAddress({ user: "alice" })).toBe("#alice");
    expect(writeAddress({ user: "alice", conversation: "group:lunch" })).toBe("#alice/group:lunch");
    expect(readAddress("#alice/user:bob")).toEqual({ user: "alice", conversation: "user:bob" });
  });

  it("round-trips any names", () => {
    const names = ["a/b", "50%", "#1", "käthe müller", "user:x", "<b>", "👩‍🚀"];
    const addresses = names.flatMap((name): Address[] => [
      { user: name },
      { user: name, conversation: `user:${name}` },
      { user: name, conversation: `group:${name}` },
      { user: name, conversation: "all" },
    ]);
    expect(addresses.map((address) => readAddress(writeAddress(address)))).toEqual(addresses);
  });

  it("is empty without a valid user, and ignores an invalid conversation", () => {
    for (const hash of ["", "#", "#%", `#${"x".repeat(256)}`]) expect(readAddress(hash)).toEqual({});
    expect(readAddress("#alice/nobody")).toEqual({ user: "alice" });
    expect(readAddress("#alice/user:")).toEqual({ user: "alice" });
  });
});
