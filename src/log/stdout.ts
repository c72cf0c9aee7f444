import type { LogRecord } from "./record.ts";
import type { MessageSink } from "./sink.ts";

/** Stream of a sink; that of the process, or a file. */
export type LineStream = Pick<NodeJS.WritableStream, "write" | "on" | "off">;

/**
 * Makes a sink of JSON lines: `{"messageLog":"stored",…}`. The property tells them from lines of the logger, which may go to the same
 * stream. It cannot be searched.
 * @param stream @default standard output
 */
export function stdoutSink(stream: LineStream = process.stdout): MessageSink {
  // Each write hands its error to its callback; without a listener it would end the process too.
  const ignore = (): void => undefined;
  return {
    async open() {
      stream.on("error", ignore);
    },
    write(records) {
      const text = records.map(lineOf).join("");
      return new Promise((resolve, reject) => {
        stream.write(text, (error?: Error | null) => (error ? reject(error) : resolve()));
      });
    },
    async close() {
      stream.off("error", ignore);
    },
  };
}

/** Formats a record as a line. The data stays as it was written, because parsing would round its numbers. */
function lineOf({ kind, ...record }: LogRecord): string {
  if (!("data" in record)) return `${JSON.stringify({ messageLog: kind, ...record })}\n`;
  const { data, ...fields } = record;
  return `${JSON.stringify({ messageLog: kind, ...fields }).slice(0, -1)},"data":${oneLine(data)}}\n`;
}

/** In JSON text, line breaks only stand between two parts: inside of strings they are escaped. */
const oneLine = (json: string): string => json.replace(/[\r\n]/g, " ");
