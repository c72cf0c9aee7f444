/** Colours of the pages: those of the system, or those that the user chose. */
export type Scheme = "system" | "light" | "dark";

/** In the browser's storage, where all pages of this hub find it. */
const KEY = "tidings-scheme";

export function storedScheme(): Scheme {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === "light" || stored === "dark" ? stored : "system";
  } catch {
    return "system"; // the browser refuses storage
  }
}

/** Shows the page in these colours. The style sheets say `light-dark()` everywhere. */
export function applyScheme(scheme: Scheme): void {
  document.documentElement.classList.remove("light", "dark");
  if (scheme !== "system") document.documentElement.classList.add(scheme);
}

export function storeScheme(scheme: Scheme): void {
  try {
    localStorage.setItem(KEY, scheme);
  } catch {
    // The browser refuses storage, so the choice lasts until the page is left.
  }
}
