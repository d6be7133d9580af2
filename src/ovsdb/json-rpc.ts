/** JSON-RPC 1.0 as OVSDB uses it (RFC 7047, section 4): what a complete text means, and nothing of sockets. */

export type RpcMessage =
  | {
      readonly kind: 'request';
      readonly id: unknown;
      readonly method: string;
      readonly params: readonly unknown[];
    }
  | { readonly kind: 'notification'; readonly method: string; readonly params: readonly unknown[] }
  | { readonly kind: 'response'; readonly id: number; readonly result: unknown; readonly error: unknown }
  | { readonly kind: 'malformed'; readonly detail: string };

/** Never throws: what is not a message is `malformed`. */
export function readRpc(text: string): RpcMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    return { kind: 'malformed', detail: (e as Error).message };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { kind: 'malformed', detail: 'not an object' };
  const { id, method, params, result, error } = value as Record<string, unknown>;
  if (typeof method === 'string') {
    if (!Array.isArray(params)) return { kind: 'malformed', detail: `${method} without a list of params` };
    return id === null || id === undefined
      ? { kind: 'notification', method, params }
      : { kind: 'request', id, method, params };
  }
  // We number our requests, so an id that is not a number answers nothing of ours.
  if (typeof id !== 'number') return { kind: 'malformed', detail: 'neither method nor numeric id' };
  return { kind: 'response', id, result, error };
}

export const rpcRequest = (id: number, method: string, params: readonly unknown[]): string =>
  JSON.stringify({ id, method, params });
export const rpcReply = (id: unknown, result: unknown): string => JSON.stringify({ id, result, error: null });
/** Answer to a request that we do not serve (JSON-RPC 1.0: exactly one of result and error is null). */
export const rpcRefusal = (id: unknown, method: string): string =>
  JSON.stringify({ id, result: null, error: { error: 'unknown method', details: method } });
