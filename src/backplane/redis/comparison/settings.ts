/**
 * Finds settings of a Redis server under which it loses data in normal operation. CONFIG GET tells more, but managed
 * servers forbid it.
 * @param info reply to INFO
 * @returns a sentence for each, with the setting to choose instead
 */
export function riskySettings(info: string): string[] {
  const fields = new Map(
    info.split(/\r?\n/).map((line) => {
      const [name = "", value = ""] = line.split(":");
      return [name, value];
    }),
  );
  const risks: string[] = [];
  const policy = fields.get("maxmemory_policy") ?? "noeviction";
  if (policy !== "noeviction") {
    risks.push(
      `maxmemory-policy is ${policy}: a full Redis deletes keys of its choice, set it to noeviction`,
    );
  }
  if (fields.get("aof_enabled") === "0") {
    risks.push("appendonly is no: a restart of Redis loses what it stored last, set it to yes");
  }
  if (fields.get("role") === "slave") {
    risks.push(
      "the server is a replica: what is written to it is lost with its next synchronization, connect to its master",
    );
  }
  return risks;
}
