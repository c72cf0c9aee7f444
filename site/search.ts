/**
 * Weight of a page among the results of the search. Guides come before pages that have a name without explaining it, and before those about
 * the project itself. The browser gets this function as text, so it uses nothing from outside.
 */
export const weightOf = (path: string): number => {
  const isLight =
    /^\/(?:(?:api|examples)\/|(?:http-api|changelog|contributing|architecture|testing|reporting)\.)/;
  return isLight.test(path) ? 0.2 : 1;
};
