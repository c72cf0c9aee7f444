import { setImmediate } from "node:timers/promises";
import { Window } from "happy-dom";
import { createElement, type ReactElement, StrictMode } from "react";
import { createRoot, hydrateRoot, type Root } from "react-dom/client";
import { onTestFinished } from "vitest";

/** A document for one test. React finds `window` as a global, and the SDK no page that could go to sleep. */
function newWindow(): Window {
  const window = new Window();
  const globals = globalThis as { window?: unknown };
  globals.window = window;
  onTestFinished(async () => {
    // React ends what a removed component began in the next tasks.
    for (let task = 0; task < 3; task++) await setImmediate();
    await window.happyDOM.close();
    delete globals.window;
  });
  return window;
}

/** What React shows. */
export interface Rendered {
  /** The text of the elements, without spaces at their ends. */
  text(): string;
  /** Renders something else at the same place. */
  show(element: ReactElement): void;
  remove(): void;
}

/** Renders an element as an application in development does: in strict mode, which mounts every component twice. */
export function render(element: ReactElement): Rendered {
  const { container, place } = newPlace("");
  return rendered(container, createRoot(place), element);
}

/** Takes over what a server rendered. @param recovered called when the client renders something else than the server */
export function hydrate(html: string, element: ReactElement, recovered: (error: unknown) => void): Rendered {
  const { container, place } = newPlace(html);
  const root = hydrateRoot(place, inStrictMode(element), { onRecoverableError: recovered });
  return rendered(container, root);
}

function newPlace(html: string) {
  const { document } = newWindow();
  const container = document.createElement("div");
  container.innerHTML = html;
  document.body.append(container);
  return { container, place: container as unknown as Element }; // has what React needs of one
}

function rendered(container: { readonly textContent: string }, root: Root, element?: ReactElement): Rendered {
  const show = (next: ReactElement): void => root.render(inStrictMode(next));
  const remove = (): void => root.unmount();
  onTestFinished(remove);
  if (element) show(element);
  return { text: () => container.textContent.trim(), show, remove };
}

const inStrictMode = (element: ReactElement): ReactElement => createElement(StrictMode, null, element);
