/** A setting with its value, as text. */
export interface Setting {
  readonly path: string;
  readonly value: string;
}

/** The settings of a configuration, one a row. */
export function settingsOf(value: unknown, path = ""): Setting[] {
  const isSection = typeof value === "object" && value !== null && !Array.isArray(value);
  if (isSection && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([name, each]) =>
      settingsOf(each, path === "" ? name : `${path}.${name}`),
    );
  }
  return [{ path, value: typeof value === "string" ? value : (JSON.stringify(value) ?? "") }];
}
