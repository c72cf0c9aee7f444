import type { VNode } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { countOf, hubUrl, Icon } from "../../shared/shared.ts";
import { groupsOf, type OpenApi, operationsOf } from "../openapi/openapi.ts";
import { addressOf, OperationItem } from "./OperationItem.tsx";

/** All operations of the HTTP API, with a filter. The address can name one: `#api/sendMessage`. */
export function Reference({ document }: { readonly document: OpenApi }): VNode {
  const operations = useMemo(() => operationsOf(document), [document]);
  const [filter, setFilter] = useState("");
  const named = useNamed();
  const groups = groupsOf(operations, filter);
  const count = groups.reduce((sum, group) => sum + group.operations.length, 0);
  const base = hubUrl("/").href.replace(/\/$/, "");
  return (
    <div class="reference">
      <search class="reference-filter">
        <Icon name="search" />
        <input
          type="search"
          aria-label="Filter the operations"
          placeholder="Filter: a path, a word, a scope"
          value={filter}
          onInput={({ currentTarget }) => setFilter(currentTarget.value)}
        />
        <span class="muted" role="status">
          {count === operations.length ? countOf(count, "operation") : `${count} of ${operations.length}`}
        </span>
      </search>
      {groups.map(({ tag, operations: some }) => (
        <section key={tag} aria-label={tag}>
          <h3>{tag}</h3>
          {some.map((operation) => (
            <OperationItem
              key={operation.id}
              operation={operation}
              base={base}
              isNamed={addressOf(operation) === named}
            />
          ))}
        </section>
      ))}
      {count === 0 && <p class="muted">No operation has all these words.</p>}
    </div>
  );
}

/** The fragment of the address, without its sign. */
function useNamed(): string {
  const [named, setNamed] = useState(() => location.hash.slice(1));
  useEffect(() => {
    const changed = (): void => setNamed(location.hash.slice(1));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return named;
}
