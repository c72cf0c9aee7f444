import type { Phase, Progress } from "../run/course.ts";
import { ms, short, whole } from "./numbers.ts";

const BAR = 20;

const WORDS: Readonly<Record<Phase, string>> = {
  connecting: "connecting",
  waiting: "idle",
  sending: "sending",
  settling: "last messages",
};

/** One line of live figures, with a bar. */
export function formatProgress(scenario: string, progress: Progress): string {
  const { phase, share, open, wanted, sentRate, receivedRate, p50, p99, failed, problems } = progress;
  const done = Math.round(share * BAR);
  const parts = [
    `${scenario} ${"█".repeat(done)}${"░".repeat(BAR - done)} ${WORDS[phase]}`,
    `${whole(open)}/${whole(wanted)} open`,
  ];
  if (sentRate > 0 || receivedRate > 0)
    parts.push(`sent ${short(sentRate)}/s`, `received ${short(receivedRate)}/s`);
  if (p50 !== undefined && p99 !== undefined) parts.push(`p50 ${ms(p50)}`, `p99 ${ms(p99)}`);
  if (failed > 0) parts.push(`${whole(failed)} failed`);
  if (problems > 0) parts.push(`${whole(problems)} problems`);
  return parts.join("  ");
}
