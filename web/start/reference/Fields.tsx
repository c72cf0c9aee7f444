import type { VNode } from "preact";
import { type Field, type Operation, typeText } from "../openapi/openapi.ts";

const PLACES: Readonly<Record<string, string>> = {
  path: "In the path",
  query: "In the query",
  header: "As a header",
  body: "In the body",
};

/** What an operation takes, by place. */
export function Fields({ operation: { fields, takes } }: { readonly operation: Operation }): VNode {
  return (
    <>
      {[...Map.groupBy(fields, ({ place }) => place)].map(([place, some]) => (
        <section key={place} aria-label={PLACES[place] ?? place}>
          <h4>
            {PLACES[place] ?? place} {place === "body" && <span class="muted">{takes.join(" or ")}</span>}
          </h4>
          <ul class="fields">
            {some.map((field) => (
              <FieldItem key={field.name} field={field} />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function FieldItem({ field }: { readonly field: Field }): VNode {
  const { name, isRequired, text, schema } = field;
  return (
    <li>
      <span>
        <code class="field-name">{name}</code>
        {isRequired && <span class="required"> required</span>}
      </span>
      <span>
        <code class="field-type">{typeText(field)}</code>
        {text !== "" && <span class="field-text">{text}</span>}
        {schema.default !== undefined && (
          <span class="muted">
            Default <code>{JSON.stringify(schema.default)}</code>
          </span>
        )}
      </span>
    </li>
  );
}
