/**
 * The bearer token, for as long as the tab is open: in the session storage, which no other origin and no other tab
 * reads, and nowhere else. It is sent in a header or as a subprotocol of the WebSocket, never in an address.
 */
const key = 'steady.token';
let held: string | null = null;

/** Letters that both a header and the name of a subprotocol may have (RFC 9110, 5.6.2). */
const sendable = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,512}$/;
export const isSendable = (token: string): boolean => sendable.test(token);

/** Storage may be forbidden; the token then lasts until the page is loaded anew. */
export function tokenOf(): string | null {
  try {
    return sessionStorage.getItem(key) ?? held;
  } catch {
    return held;
  }
}

export function keepToken(token: string | null): void {
  held = token;
  try {
    if (token === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, token);
  } catch {
    // it is held in memory
  }
}
