import { shownUrl } from "../../../loadtest/loadtest.ts";

const SECRET = /^--(?:secret|token|key|api-key)(?=$|=)/;

/** The command as a report shows it: without secrets, and without the users and queries of URLs, which may hold some. */
export function shownCommand(args: readonly string[]): string {
  const shown = args.map((arg, index) => {
    const [flag] = SECRET.exec(arg) ?? [];
    if (flag !== undefined) return arg === flag ? arg : `${flag}=…`;
    if (SECRET.test(args[index - 1] ?? "") && !args[index - 1]?.includes("=")) return "…";
    const plain = arg.includes("://") ? shownUrl(arg) : arg; // also behind a flag: --metrics=http://…
    return /^[\w./:@%+=,-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", "'\\''")}'`;
  });
  return ["tidings", ...shown].join(" ");
}
