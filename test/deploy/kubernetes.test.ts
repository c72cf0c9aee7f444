import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { CONFIG_KEYS } from "../../src/config/config.ts";
import { DEPLOY, pythonTool } from "./programs.ts";

const helm = pythonTool("helm");
const validate = pythonTool("kubernetes-validate");

// biome-ignore lint/suspicious/noExplicitAny: the schemas of Kubernetes check its shape
type Manifest = any;

const BASE = join(DEPLOY, "kubernetes/base");
const SECRETS = ["JWT_SECRET", "API_KEY", "REDIS_URL"].flatMap((name) => ["--set", `secrets.${name}=a`]);
/** The oldest version that has what the manifests use (`preStop.sleep`), and the newest one with schemas. */
const VERSIONS = ["1.30", "1.37"];

const kustomization = parse(readFileSync(join(BASE, "kustomization.yaml"), "utf8"));
const base: Manifest[] = kustomization.resources.map((name: string) =>
  parse(readFileSync(join(BASE, name), "utf8")),
);

/** The manifests that the chart makes. */
async function rendered(...args: readonly string[]): Promise<{ text: string; manifests: Manifest[] }> {
  const text = await helm("template", "tidings", join(DEPLOY, "helm/tidings"), ...args);
  return { text, manifests: parseAllDocuments(text).map((document) => document.toJS()) };
}

const kindOf = (manifests: readonly Manifest[], kind: string): Manifest =>
  manifests.find((manifest) => manifest.kind === kind);

/** Settings as lines of `NAME=value`. */
const settingsIn = (text: string): Map<string, string> =>
  new Map(
    text
      .split("\n")
      .filter((line) => /^\w/.test(line))
      .map((line) => line.split(/=(.*)/s, 2) as [string, string]), // a name and what follows it
  );

const KNOWN = new Set(CONFIG_KEYS.map(({ env }) => env));

describe("the manifests for Kubernetes", () => {
  const files = [
    ...kustomization.resources.map((name: string) => join(BASE, name)),
    join(BASE, "../ingress.yaml"),
  ];

  it.each(VERSIONS)("fit the schemas of %s", async (version) => {
    expect(await validate("--kubernetes-version", version, "--strict", ...files)).not.toMatch(/error/i);
  });

  it("are refused when a field is wrong", async () => {
    const directory = mkdtempSync(join(tmpdir(), "tidings-deploy-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, "wrong.yaml");
    const text = readFileSync(join(BASE, "deployment.yaml"), "utf8");
    writeFileSync(file, text.replace("preStop:", "preStopp:"));
    await expect(validate("--kubernetes-version", "1.37", "--strict", file)).rejects.toThrow();
  });

  it("name settings that exist, and give the pods what they refer to", () => {
    const [settings, secrets] = ["settings.env", "secrets.env.example"].map((name) =>
      settingsIn(readFileSync(join(BASE, name), "utf8")),
    );
    for (const name of [...(settings ?? []), ...(secrets ?? [])].map(([key]) => key))
      expect(KNOWN).toContain(name);
    const names = [...kustomization.configMapGenerator, ...kustomization.secretGenerator].map(
      ({ name }) => name,
    );
    const [container] = kindOf(base, "Deployment").spec.template.spec.containers;
    const from = container.envFrom.map((source: Manifest) => Object.values<Manifest>(source)[0].name);
    expect(new Set(from)).toEqual(new Set(names));
    for (const { name } of container.env) expect(KNOWN).toContain(name);
    expect(settings?.get("PORT")).toBe(String(container.ports[0].containerPort));
  });

  it("leave a node the time that it needs to close", () => {
    const { spec } = kindOf(base, "Deployment").spec.template;
    const settings = settingsIn(readFileSync(join(BASE, "settings.env"), "utf8"));
    const shutdownMs = Number(settings.get("SHUTDOWN_DELAY_MS")) + Number(settings.get("SHUTDOWN_DRAIN_MS"));
    const preStop = spec.containers[0].lifecycle.preStop.sleep.seconds;
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(preStop + shutdownMs / 1_000 + 10);
    // So long may a node fail at /ready before the service notices: it serves newcomers meanwhile.
    const { periodSeconds, failureThreshold } = spec.containers[0].readinessProbe;
    expect(Number(settings.get("SHUTDOWN_DELAY_MS"))).toBeGreaterThanOrEqual(
      1_000 * periodSeconds * failureThreshold,
    );
  });

  it("scale out before a node is full", () => {
    const settings = settingsIn(readFileSync(join(BASE, "settings.env"), "utf8"));
    const [{ pods }] = kindOf(base, "HorizontalPodAutoscaler").spec.metrics;
    expect(Number(pods.target.averageValue)).toBeLessThan(Number(settings.get("WEBSOCKET_MAX_CONNECTIONS")));
  });
});

describe("the Helm chart", () => {
  it.each(VERSIONS)("makes manifests that fit the schemas of %s", async (version) => {
    const directory = mkdtempSync(join(tmpdir(), "tidings-deploy-"));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const variants = [
      ["--set", "ingress.enabled=true"],
      ["--set", "autoscaling.connections=0,networkPolicy.fromNetworks[0]=192.0.2.0/24"],
      ["--set", "autoscaling.enabled=false,networkPolicy.enabled=false,imagePullSecrets[0].name=pull"],
      ["--set", "nodeSelector.disk=ssd,podAnnotations.team=chat,networkPolicy.egress[0].ports[0].port=5432"],
    ];
    const files = await Promise.all(
      variants.map(async (variant, index) => {
        const file = join(directory, `${index}.yaml`);
        writeFileSync(file, (await rendered(...SECRETS, ...variant)).text);
        return file;
      }),
    );
    expect(await validate("--kubernetes-version", version, "--strict", ...files)).not.toMatch(/error/i);
  });

  it("asks for the secrets, unless it is told where they are", async () => {
    await expect(rendered()).rejects.toThrow(
      "secrets.JWT_SECRET: set it, or name a secret in existingSecret",
    );
    const { manifests, text } = await rendered("--set", "existingSecret=mine");
    expect(kindOf(manifests, "Secret")).toBeUndefined();
    expect(text).toContain("name: mine");
  });

  it("says the same as the plain manifests", async () => {
    const { manifests } = await rendered(...SECRETS);
    const clean = (value: Manifest): Manifest =>
      JSON.parse(
        JSON.stringify(value, (key, part) =>
          ["labels", "annotations", "image", "imagePullPolicy", "matchLabels"].includes(key)
            ? undefined
            : part,
        ),
      );
    for (const kind of ["Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"]) {
      const [chart, plain] = [manifests, base].map((some) => clean(kindOf(some, kind)).spec);
      delete chart.selector;
      delete plain.selector;
      expect(chart).toEqual(plain);
    }
    const settings = settingsIn(readFileSync(join(BASE, "settings.env"), "utf8"));
    expect(kindOf(manifests, "ConfigMap").data).toEqual(Object.fromEntries(settings));
  });
});
