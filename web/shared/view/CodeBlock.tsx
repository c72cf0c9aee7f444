import type { VNode } from "preact";
import { CopyButton } from "./CopyButton.tsx";

interface Props {
  readonly text: string;
  /** What the text is, for the name of the button: `Copy the example`. @default no button */
  readonly copies?: string | undefined;
}

/** Code with a button that copies it. Long lines are wrapped, so that nothing scrolls sideways. */
export function CodeBlock({ text, copies }: Props): VNode {
  return (
    <div class="code-block">
      <pre>
        <code>{text}</code>
      </pre>
      {copies && <CopyButton label="Copy" describes={copies} text={() => text} />}
    </div>
  );
}
