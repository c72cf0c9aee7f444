import { describe, expect, it } from "vitest";
import { Callers } from "../../../src/gateway/gateway.ts";

const PROXIES = ["10.0.0.0/8", "fd00::/8"];

describe("the address of a caller", () => {
  it.each<[peer: string, forwardedFor: string | string[] | undefined, caller: string]>([
    // Without a proxy, or with one that nobody named.
    ["192.0.2.1", undefined, "192.0.2.1"],
    ["192.0.2.1", "198.51.100.7", "192.0.2.1"],
    ["::ffff:192.0.2.1", undefined, "192.0.2.1"],
    // The last one that is no trusted proxy.
    ["10.0.0.1", "198.51.100.7", "198.51.100.7"],
    ["10.0.0.1", "198.51.100.7, 10.0.0.2", "198.51.100.7"],
    ["10.0.0.1", "198.51.100.7,10.0.0.2 ,\t10.9.9.9", "198.51.100.7"],
    ["10.0.0.1", ["198.51.100.7", "10.0.0.2"], "198.51.100.7"],
    ["fd00::1", "2001:db8::5", "2001:db8:0:0:0:0:0:5"],
    ["::ffff:10.0.0.1", "::ffff:198.51.100.7", "198.51.100.7"],
    // Whatever the client wrote before its own address is not believed.
    ["10.0.0.1", "127.0.0.1, 198.51.100.7", "198.51.100.7"],
    ["10.0.0.1", "10.0.0.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"],
    // An entry that is no address: the one behind it is the last that somebody vouches for.
    ["10.0.0.1", "198.51.100.7, unknown", "10.0.0.1"],
    ["10.0.0.1", "unknown, 10.0.0.2", "10.0.0.2"],
    ["10.0.0.1", "198.51.100.7, , 10.0.0.2", "10.0.0.2"],
    ["10.0.0.1", "", "10.0.0.1"],
    ["10.0.0.1", "<script>", "10.0.0.1"],
    // Every one is a proxy: the first of them called.
    ["10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    // Some proxies add the port.
    ["10.0.0.1", "198.51.100.7:4711", "198.51.100.7"],
  ])("behind %s with X-Forwarded-For %j is %s", (peer, forwardedFor, caller) => {
    expect(new Callers(PROXIES).addressOf(peer, forwardedFor)).toBe(caller);
  });

  it("is not known without a peer, whatever the header says", () => {
    expect(new Callers(PROXIES).addressOf(undefined, "198.51.100.7")).toBeUndefined();
  });

  it("is asked for once when a proxy is not named", () => {
    const strangers: string[] = [];
    const callers = new Callers(PROXIES, (peer) => strangers.push(peer));
    for (const peer of ["10.0.0.1", "192.0.2.1", "192.0.2.2"]) callers.addressOf(peer, "198.51.100.7");
    expect(strangers).toEqual(["192.0.2.1"]);
  });
});
