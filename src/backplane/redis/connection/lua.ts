/** Lua source: backslashes reach Redis as they are written, and editors highlight what they see. */
export const lua = String.raw;

/** Each character of a text as an escape of a Lua string, for separators that the wire format and the scripts share. */
export const luaEscapes = (text: string): string =>
  Array.from(text, (character) => `\\${String(character.charCodeAt(0)).padStart(3, "0")}`).join("");
