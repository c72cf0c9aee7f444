/** Secret of tokens: 32 bytes at least. */
export const SECRET = "a secret of at least thirty-two bytes";

/** API key of the scope `admin`: 16 characters at least. */
export const API_KEY = "an API key of the tests";
