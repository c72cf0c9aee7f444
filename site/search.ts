/**
 * Weight of a page among the results of the search: a guide explains a name, and the reference and the changelog only have it. The browser
 * gets this function as text, so it uses nothing from outside.
 */
export const weightOf = (path: string): number =>
  /^\/(?:api\/|http-api|changelog|architecture|testing\b)/.test(path) ? 0.2 : 1;
