/** Tags Lua source: backslashes reach Redis as written, and editors highlight the text as Lua. */
export const lua = String.raw;

/** Encodes each character of a text as an escape of a Lua string, for the separators of the wire format. */
export const luaEscapes = (text: string): string =>
  Array.from(text, (character) => `\\${String(character.charCodeAt(0)).padStart(3, "0")}`).join("");
