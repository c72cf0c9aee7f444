import { render, type VNode } from "preact";
import { applyScheme, storedScheme } from "./scheme.ts";

/** Draws a page into its HTML, in the colours that the user chose. */
export function renderPage(view: VNode): void {
  applyScheme(storedScheme());
  const root = document.getElementById("page");
  if (root !== null) render(view, root);
}
