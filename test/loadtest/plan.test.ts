import { describe, expect, it } from "vitest";
import { assertFiles, planOf, scenariosOf } from "../../src/cli/commands/bench/scenarios.ts";
import { shownCommand } from "../../src/cli/commands/bench/shown-command.ts";
import { clientsOf, groupsOf, type Plan, roleOf, streamsOf, workerOf } from "../../src/loadtest/plan.ts";
import { isLoopback, parseTarget, sourceAddresses } from "../../src/loadtest/target.ts";
import { FLAGS, planFor, targetAt } from "./plans.ts";

const rolesOf = (plan: Plan) => Array.from({ length: clientsOf(plan) }, (_, index) => roleOf(plan, index));
const TWO = [targetAt(1), targetAt(2)];

describe("a plan", () => {
  it.each([
    planFor({ scenario: "fanout", connections: 7, senders: 2 }),
    planFor({ scenario: "direct", connections: 5 }),
    planFor({ scenario: "direct", connections: 6, targets: TWO }),
    planFor({ scenario: "cross-node", connections: 6, targets: TWO }),
    planFor({ scenario: "chat", connections: 23, members: 10, senders: 4 }),
    planFor({ scenario: "storm", connections: 9, workers: 2 }),
    planFor({ scenario: "soak", connections: 8, members: 4, senders: 1 }),
  ])("gives each stream one sender and the receivers of its audience: $scenario", (plan) => {
    const roles = rolesOf(plan);
    const streams = roles.flatMap(({ sends }) => sends);
    expect(new Set(streams.map(({ id }) => id)).size).toBe(streams.length);
    expect(streams).toHaveLength(streamsOf(plan));
    for (const { id, to, group } of streams) {
      const audience = roles.filter((role) => (to === undefined ? role.group === group : role.user === to));
      expect(audience.length).toBeGreaterThan(0);
      for (const role of roles) expect(role.receives.includes(id)).toBe(audience.includes(role));
    }
  });

  it("crosses from node to node only in the scenario for it", () => {
    for (const scenario of ["cross-node", "direct"] as const) {
      const roles = rolesOf(planFor({ scenario, connections: 8, targets: TWO }));
      for (const { sends, target } of roles) {
        const receiver = roles.find(({ user }) => user === sends[0]?.to);
        expect(receiver?.target === target).toBe(scenario === "direct");
      }
    }
  });

  it("gives each process of a storm a publisher for its own clients", () => {
    const plan = planFor({ scenario: "storm", connections: 9, workers: 4 });
    const publishers = rolesOf(plan).slice(9);
    expect(publishers).toHaveLength(4);
    for (const { index, sends } of publishers)
      for (const { id } of sends) expect(workerOf(plan, id)).toBe(workerOf(plan, index));
  });

  it("fills groups, the last one with what is left", () => {
    const plan = planFor({ scenario: "chat", connections: 23, members: 10 });
    expect(groupsOf(plan)).toBe(3);
    expect(rolesOf(plan).filter(({ group }) => group?.endsWith("g2"))).toHaveLength(3);
  });
});

describe("the flags of the command", () => {
  it("make connections of groups and members, and a multiple of the nodes", () => {
    expect(planOf("chat", { ...FLAGS, groups: 3, members: 4 }, TWO, [])).toMatchObject({
      connections: 12,
      members: 4,
    });
    expect(planOf("chat", { ...FLAGS, connections: 30, groups: 4 }, TWO, [])).toMatchObject({ members: 8 });
    expect(planOf("cross-node", { ...FLAGS, connections: 5 }, TWO, [])).toMatchObject({ connections: 6 });
    expect(planOf("direct", { ...FLAGS, connections: 12_000 }, TWO, [])).toMatchObject({
      workers: 3,
      rate: 1_000,
    });
  });

  it("are refused where they contradict each other", () => {
    expect(() => planOf("cross-node", FLAGS, [targetAt(1)], [])).toThrow("two nodes");
    expect(() => planOf("storm", { ...FLAGS, ephemeral: true }, TWO, [])).toThrow("--ephemeral");
    expect(() => planOf("echo", { ...FLAGS, raw: true, template: "hello" }, TWO, [])).toThrow("{marker}");
    expect(() => scenariosOf({ scenario: ["echo"] })).toThrow("--raw");
    expect(() => scenariosOf({ raw: true, scenario: ["chat"] })).toThrow("needs a Tidings server");
    expect(scenariosOf({ raw: true })).toEqual(["connect", "echo"]);
  });

  it("are refused when a process may not open so many files", () => {
    const plan = planFor({ scenario: "connect", connections: 50_000, workers: 2 });
    expect(() => assertFiles(plan, 20_000)).toThrow("50000 connections need 3 processes");
    expect(() => assertFiles({ ...plan, workers: 3 }, 20_000)).not.toThrow();
    expect(() => assertFiles(plan, undefined)).not.toThrow();
  });

  it("are shown without secrets and without queries", () => {
    const shown = shownCommand([
      "bench",
      "ws://a:1/x?token=abc",
      "--secret",
      "s1",
      "--metrics=http://user:p@ss@h/m?token=s4",
      "--key=s2",
      "--token",
      "s3",
      "--template",
      "a b",
    ]);
    expect(shown).toBe(
      "tidings bench ws://a:1/x --secret … '--metrics=http://…@h/m' --key=… --token … --template 'a b'",
    );
  });
});

describe("a target", () => {
  it("is read with the path of its WebSocket and its API", async () => {
    const { target, isLoopback: isHere } = await parseTarget("http://127.0.0.1:8080/base/", "/ws");
    expect(isHere).toBe(true);
    expect(target).toMatchObject({
      path: "/base/ws",
      http: "http://127.0.0.1:8080/base",
      endpoint: { port: 8080, tls: false },
    });
    const { target: raw } = await parseTarget("wss://127.0.0.1/echo?room=1", undefined);
    expect(raw).toMatchObject({ path: "/echo?room=1", http: undefined, endpoint: { port: 443, tls: true } });
    expect(raw.url).not.toContain("room");
    for (const wrong of ["ftp://127.0.0.1", "127.0.0.1:80", "http://user:secret@127.0.0.1"]) {
      const error = await parseTarget(wrong, "/ws").catch((thrown: Error) => thrown.message);
      expect(error).toContain("expected a URL");
      expect(error).not.toContain("secret");
    }
  });

  it("is on this machine only by its address", async () => {
    for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
      expect(isLoopback(address)).toBe(true);
    for (const address of ["10.0.0.1", "128.0.0.1", "::2", "localhost", ""])
      expect(isLoopback(address)).toBe(false);
    expect((await parseTarget("http://localhost:1", "/ws")).isLoopback).toBe(true);
    expect((await parseTarget("http://192.0.2.1", "/ws")).isLoopback).toBe(false);
  });

  it("is reached from as many addresses as the ports need", async () => {
    const here = [await parseTarget("http://127.0.0.1:1", "/ws")];
    const there = [await parseTarget("http://192.0.2.1", "/ws")];
    expect(sourceAddresses(here, 5_000, undefined)).toEqual([]);
    expect(sourceAddresses(here, 12_000, undefined)).toEqual(["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
    expect(sourceAddresses(there, 50_000, undefined)).toEqual([]);
    expect(sourceAddresses(there, 10, "192.0.2.7, 192.0.2.8")).toEqual(["192.0.2.7", "192.0.2.8"]);
    expect(new Set(sourceAddresses(here, 10, "600")).size).toBe(600);
    expect(sourceAddresses(here, 10, "600").every(isLoopback)).toBe(true);
    expect(() => sourceAddresses(here, 10, "eth0")).toThrow("--sources");
  });
});
