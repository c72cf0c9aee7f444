/** Lets long names in tables break at good places, so that few tables are wider than their page. */

interface Token {
  readonly type: string;
  readonly children: readonly Token[] | null;
  meta: { isInTable?: boolean } | null;
}

type RenderCode = (tokens: Token[], index: number, ...rest: unknown[]) => string;

/** The used part of markdown-it. */
interface Markdown {
  readonly core: {
    readonly ruler: {
      push(name: string, rule: (state: { readonly tokens: readonly Token[] }) => void): void;
    };
  };
  readonly renderer: { readonly rules: { code_inline?: RenderCode } };
}

/** Teaches markdown-it to mark where the code in the cells of a table may break. */
export function breakNamesInTables(markdown: unknown): void {
  const { core, renderer } = markdown as Markdown; // declared by a package that only VitePress depends on
  core.ruler.push("names_in_tables", ({ tokens }) => {
    let isInTable = false;
    for (const { type, children } of tokens) {
      if (type === "table_open" || type === "table_close") isInTable = type === "table_open";
      for (const child of (isInTable && children) || [])
        if (child.type === "code_inline") child.meta = { isInTable };
    }
  });
  const render = renderer.rules.code_inline;
  if (render === undefined) throw new Error("markdown-it has no rule for code in a line");
  renderer.rules.code_inline = (tokens, index, ...rest) => {
    const html = render(tokens, index, ...rest);
    return tokens[index]?.meta?.isInTable === true ? withBreaks(html) : html;
  };
}

/** Marks breaks in the text of an element: after commas, after `.`, `_`, `/` and `:` inside a name, and before its capitals. */
export const withBreaks = (html: string): string =>
  html.replace(/(?<=>)[^<]+/g, (text) =>
    text.replace(
      /(?<=[a-z\d])(?=[A-Z])|(?<=[A-Za-z][._/:])(?=\w)|(?<=,)(?=\S)|(?<=[A-Za-z])(?=\/\w)/g,
      "<wbr>",
    ),
  );
