import { describe, expect, it } from "vitest";
import { defaultConfig, maskConfig, maskValue, resolveConfig } from "../../src/config/config.ts";

/** Long enough for every secret. */
const HUNTER2 = "hunter2".repeat(5);

describe("maskConfig", () => {
  it("masks secrets and passwords in URLs, and nothing else", () => {
    const config = resolveConfig({
      code: {
        port: 1,
        apiKey: HUNTER2,
        redis: "redis://app:hunter2@cache:6379/0",
        jwt: { secret: HUNTER2 },
      },
    });
    const masked = maskConfig(config);
    expect(JSON.stringify(masked)).not.toContain("hunter2");
    expect(masked).toMatchObject({ port: 1, apiKey: "***", redis: "redis://app:***@cache:6379/0" });
    expect(masked.jwt.secret).toBe("***");
  });

  it("does not change the configuration itself", () => {
    const config = resolveConfig({ code: { apiKey: HUNTER2 } });
    maskConfig(config);
    expect(config.apiKey).toBe(HUNTER2);
  });

  it("keeps unset secrets unset", () => {
    expect(maskConfig(defaultConfig)).toEqual(defaultConfig);
  });
});

describe("maskValue", () => {
  it("keeps a URL without a password", () => {
    expect(maskValue("redis://cache:6379", "password")).toBe("redis://cache:6379");
  });

  it("masks the password before a list of hosts, whatever characters it has", () => {
    const masked = (url: string) => maskValue(url, "password");
    expect(masked("redis-cluster://:hun,ter2@a:7000,b:7001")).toBe("redis-cluster://:***@a:7000,b:7001");
    expect(masked("redis-sentinel://app:hunter2@a:1,b:2/0#main")).toBe(
      "redis-sentinel://app:***@a:1,b:2/0#main",
    );
    expect(masked("redis-cluster://u:hunter2@a:1,u:hunter2@b:2")).not.toContain("hunter2");
    expect(masked("redis-cluster://a:7000,b:7001")).toBe("redis-cluster://a:7000,b:7001");
  });

  it("masks the target of the message log, unless it can have no password", () => {
    const masked = (target: string) => maskValue(target, "target");
    expect(masked("stdout")).toBe("stdout");
    expect(masked("sqlite:./data/log.db")).toBe("sqlite:./data/log.db");
    expect(masked("postgres://app:hun/t@er2@db:5432/x?password=hunter2")).toBe(
      "postgres://app:***@db:5432/x?***",
    );
    expect(masked("postgres:app:hunter2@db/x")).toBe("***");
    expect(masked("stdout:hunter2")).toBe("***");
  });

  it("masks all of a text that is not a URL", () => {
    expect(maskValue("app:hunter2@cache", "password")).toBe("***");
    expect(maskValue("hunter2", "password")).toBe("***");
  });
});
