import type { ComponentChildren, VNode } from "preact";

interface Props {
  readonly picture: VNode;
  readonly title: string;
  readonly detail: string;
  /** Further lines. */
  readonly children?: ComponentChildren;
}

/** A user, a group or another conversation in a list: its picture, its name, and what is said about it. */
export function Label({ picture, title, detail, children }: Props): VNode {
  return (
    <>
      {picture}
      <span class="names">
        <span class="name" dir="auto" title={title}>
          {title}
        </span>
        <span class="muted">{detail}</span>
        {children}
      </span>
    </>
  );
}
