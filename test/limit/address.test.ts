import { BlockList } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clientAddress, clientNetwork, Networks } from "../../src/limit/limit.ts";

const familyOf = (address: string) => (address.includes(":") ? "ipv6" : "ipv4");

/** Addresses near those of the networks, so that about half of them are inside. */
const addresses = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.tuple(fc.nat(255), fc.nat(255)).map(([c, d]) => `10.200.${c}.${d}`),
  fc.tuple(fc.nat(0xffff), fc.nat(0xffff)).map(([c, d]) => `2001:db8:${c.toString(16)}:${d.toString(16)}::1`),
);

const networks = fc.oneof(
  fc.nat(24).map((bits) => `10.200.0.0/${bits + 8}`),
  fc.nat(112).map((bits) => `2001:db8::/${bits + 16}`),
  fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 32 })).map(([address, bits]) => `${address}/${bits}`),
  fc.tuple(fc.ipV6(), fc.integer({ min: 1, max: 128 })).map(([address, bits]) => `${address}/${bits}`),
);

describe("networks", () => {
  it("hold what a BlockList of Node holds", () => {
    fc.assert(
      fc.property(networks, addresses, (network, address) => {
        const [first = "", bits] = network.split("/");
        const list = new BlockList();
        list.addSubnet(first, Number(bits), familyOf(first));
        expect(new Networks([network]).has(address)).toBe(list.check(address, familyOf(address)));
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
    ["10.0.0.0/8", "::FFFF:0A01:0203", true],
    ["::ffff:10.0.0.0/104", "10.1.2.3", true],
    ["::ffff:10.0.0.1", "10.0.0.1", true],
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "10.1.2.4", false],
    ["10.1.2.3/8", "10.9.9.9", true],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["2001:db8::/33", "2001:db8:7fff::", true],
    ["2001:db8::/33", "2001:db8:8000::", false],
    ["10.0.0.0/8", "010.0.0.1", false],
    ["10.0.0.0/8", "10.0.0", false],
    ["10.0.0.0/8", "unknown", false],
    ["10.0.0.0/8", "", false],
  ])("%s holds %s: %s", (network, address, holds) => {
    expect(new Networks([network]).has(address)).toBe(holds);
  });

  it.each([
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0/8",
    "2001:db8::/129",
    "::1::",
    "1:2:3:4:5:6:7",
    "a",
    "",
    "fe80::%1/64",
  ])("refuse %j", (network) => {
    expect(() => new Networks([network])).toThrow(/^expected an address or a network in CIDR notation/);
  });
});

describe("the address of a client", () => {
  const trusted = new Networks(["10.0.0.0/8", "2001:db8:aaaa::/48"]);
  it.each([
    ["without a header, the peer", "203.0.113.9", undefined, "203.0.113.9"],
    ["behind two trusted proxies, its own", "10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"],
    ["with a forged entry in front, its own", "10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"],
    ["that is no proxy, the peer, whatever it sends", "203.0.113.9", "1.1.1.1", "203.0.113.9"],
    ["behind a proxy that is not trusted, that proxy", "10.0.0.1", "1.1.1.1, 198.51.100.7", "198.51.100.7"],
    ["in the form of IPv6, that of IPv4", "::ffff:10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"],
    ["in capitals, that in small letters", "2001:DB8:AAAA::1", "2001:DB8:1::A", "2001:db8:1:0:0:0:0:a"],
    ["with a port, without it", "10.0.0.1", "203.0.113.9:4711, [2001:db8:aaaa::2]:80", "203.0.113.9"],
    [
      "behind a malformed entry, the proxy that wrote it",
      "10.0.0.1",
      "203.0.113.9, unknown, 10.0.0.2",
      "10.0.0.2",
    ],
    ["with an empty entry, the proxy that wrote it", "10.0.0.1", "203.0.113.9,,10.0.0.2", "10.0.0.2"],
    ["with an empty header, the peer", "10.0.0.1", "", "10.0.0.1"],
    ["that is a proxy itself, the first of them", "10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"],
  ])("is, %s", (_, peer, header, address) => {
    expect(clientAddress(peer, header, trusted)).toBe(address);
  });

  it("is the last one of several headers", () => {
    expect(clientAddress("10.0.0.1", ["1.1.1.1", "203.0.113.9"], trusted)).toBe("203.0.113.9");
  });

  it("is undefined for a peer without one", () => {
    expect(clientAddress(undefined, "203.0.113.9", trusted)).toBeUndefined();
  });

  it("is never a forged one: what stands left of an untrusted address does not count", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), (forged) => {
        const header = [...forged, "203.0.113.9", "10.0.0.2"].join(", ");
        expect(clientAddress("10.0.0.1", header, trusted)).toBe("203.0.113.9");
      }),
    );
  });
});

describe("the network of a client", () => {
  it.each([
    ["203.0.113.9", 64, "203.0.113.9"],
    ["::ffff:203.0.113.9", 64, "203.0.113.9"],
    ["2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"],
    ["2001:db8:1:2:ffff::", 64, "2001:db8:1:2::/64"],
    ["2001:db8:1:2ff:3::", 56, "2001:db8:1:200::/56"],
    ["2001:db8::1", 128, "2001:db8:0:0:0:0:0:1"],
    ["no address", 64, "no address"],
  ])("of %s with /%i is %s", (address, prefix, network) => {
    expect(clientNetwork(address, prefix)).toBe(network);
  });
});
