import type { ComponentChildren, VNode } from "preact";
import { useId } from "preact/hooks";

interface Props {
  readonly title: string;
  /** Beside the title. */
  readonly tools?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A part of a view under a title of its own. */
export function Panel({ title, tools, children }: Props): VNode {
  const id = useId();
  return (
    <section class="panel" aria-labelledby={id}>
      <header class="panel-header">
        <h2 id={id}>{title}</h2>
        {tools}
      </header>
      {children}
    </section>
  );
}
