/** Longest text of a parser in an error. V8 quotes some characters of the input around the mistake. */
const MAX_LENGTH = 160;

/** Says what was expected of a text that is no JSON: where the mistake is, in the words of the parser. */
export function jsonProblem(cause: unknown): string {
  if (!(cause instanceof SyntaxError)) return "a JSON object in UTF-8";
  const words = cause.message.replace(/ is not valid JSON$/, "").replaceAll(/\p{Cc}/gu, " ");
  return `a JSON object: ${words.isWellFormed() ? words.slice(0, MAX_LENGTH).toWellFormed() : "ill-formed text"}`;
}
