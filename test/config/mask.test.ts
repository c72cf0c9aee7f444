import { describe, expect, it } from "vitest";
import { defaultConfig, maskConfig, maskValue, resolveConfig } from "../../src/config/config.ts";

describe("maskConfig", () => {
  it("hides secrets and passwords within URLs and nothing else", () => {
    const config = resolveConfig({
      code: {
        port: 1,
        apiKey: "hunter2",
        redis: "redis://app:hunter2@cache:6379/0",
        jwt: { secret: "hunter2" },
      },
    });
    const masked = maskConfig(config);
    expect(JSON.stringify(masked)).not.toContain("hunter2");
    expect(masked).toMatchObject({ port: 1, apiKey: "***", redis: "redis://app:***@cache:6379/0" });
    expect(masked.jwt.secret).toBe("***");
  });

  it("leaves the configuration itself as it was", () => {
    const config = resolveConfig({ code: { apiKey: "hunter2" } });
    maskConfig(config);
    expect(config.apiKey).toBe("hunter2");
  });

  it("shows that a secret is not set", () => {
    expect(maskConfig(defaultConfig)).toEqual(defaultConfig);
  });
});

describe("maskValue", () => {
  it("shows a URL without a password as it is", () => {
    expect(maskValue("redis://cache:6379", "password")).toBe("redis://cache:6379");
  });

  it("hides the password in front of a list of hosts, whatever is in it", () => {
    const masked = (url: string) => maskValue(url, "password");
    expect(masked("redis-cluster://:hun,ter2@a:7000,b:7001")).toBe("redis-cluster://:***@a:7000,b:7001");
    expect(masked("redis-sentinel://app:hunter2@a:1,b:2/0#main")).toBe(
      "redis-sentinel://app:***@a:1,b:2/0#main",
    );
    expect(masked("redis-cluster://u:hunter2@a:1,u:hunter2@b:2")).not.toContain("hunter2");
    expect(masked("redis-cluster://a:7000,b:7001")).toBe("redis-cluster://a:7000,b:7001");
  });

  it("hides all of a text in which it cannot find the password", () => {
    expect(maskValue("app:hunter2@cache", "password")).toBe("***");
    expect(maskValue("hunter2", "password")).toBe("***");
  });
});
