import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { CLOSE, shouldReconnect } from "../../../src/protocol/protocol.ts";
import { REPOSITORY } from "../../support/repository.ts";
import { codesIn, readPage, tableAfter } from "../markdown.ts";

const page = readPage("docs/TROUBLESHOOTING.md");

describe("the table of close codes in docs/TROUBLESHOOTING.md", () => {
  const rows = tableAfter(page, "## Close codes");

  it("has each code of the protocol with its name, in order, and says whether the client reconnects", () => {
    const own = rows.filter(([code]) => Number(code) >= 4000);
    expect(own.map(([code, name, reconnects]) => [Number(code), codesIn(name)[0], reconnects])).toEqual(
      Object.entries(CLOSE).map(([cause, { code }]) => [code, cause, shouldReconnect(code) ? "yes" : "no"]),
    );
  });

  it("has the codes of RFC 6455 that docs/PROTOCOL.md names", () => {
    const table = tableAfter(readPage("docs/PROTOCOL.md"), "## Close codes: the connection ends");
    const codes = (table.at(-1)?.[0] ?? "").split(", ");
    expect(codes.length).toBeGreaterThan(4);
    for (const code of [...codes, "1006"]) {
      const row = rows.find(([first = ""]) => first.split(", ").includes(code));
      expect(row?.[2], code).toBe(shouldReconnect(Number(code)) ? "yes" : "no");
    }
  });
});

/** Files that refuse a client before its connection is open. */
const REFUSING = [
  "gateway.ts",
  "overload.ts",
  "auth/authenticator.ts",
  "auth/jwt.ts",
  "auth/published-keys.ts",
  "auth/in-flight.ts",
  "auth/loopback.ts",
  "socket/login.ts",
  "socket/request.ts",
];

/** Functions of these files that make an error of a text, or return one. */
const MAKERS = /^(?:refusal|tryLater)$/;
const RETURNING = /^reasonFor$/;

/** Errors of options, and of a program that is wrong: no client sees them. */
const OF_PROGRAMS = ["bad_request", "not_found"];

function textsOf(node: ts.Node): string[] {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return [node.text];
  // The part before the first value. The rest of a long text stands in the message itself.
  if (ts.isTemplateExpression(node)) return [node.head.text];
  if (ts.isBinaryExpression(node)) return textsOf(node.left);
  return ts.isConditionalExpression(node) ? [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)] : [];
}

function refusalsIn(path: string): string[] {
  const file = ts.createSourceFile(
    path,
    readFileSync(join(REPOSITORY, "src/gateway", path), "utf8"),
    ts.ScriptTarget.ES2024,
    true,
  );
  const found: string[] = [];
  function visit(node: ts.Node, isReturning: boolean): void {
    if (ts.isNewExpression(node) && node.expression.getText() === "TidingsError") {
      const [code, text] = node.arguments ?? [];
      const [name = ""] = code === undefined ? [] : textsOf(code);
      if (text !== undefined && !OF_PROGRAMS.includes(name)) found.push(...textsOf(text));
    }
    if (ts.isCallExpression(node) && MAKERS.test(node.expression.getText()))
      found.push(...node.arguments.flatMap(textsOf));
    if (isReturning && ts.isReturnStatement(node) && node.expression !== undefined)
      found.push(...textsOf(node.expression));
    const isReason = ts.isFunctionDeclaration(node) && RETURNING.test(node.name?.text ?? "");
    node.forEachChild((child) => visit(child, isReturning || isReason));
  }
  visit(file, false);
  return found.map((text) => text.trim()).filter((text) => text !== "");
}

describe("docs/TROUBLESHOOTING.md", () => {
  it.each(REFUSING)("has the texts of src/gateway/%s with which a client is refused", (path) => {
    const texts = refusalsIn(path);
    expect(texts.length).toBeGreaterThan(0);
    expect(texts.filter((text) => !page.text.includes(text))).toEqual([]);
  });
});
