import { header, type as kinds, message, put16, put32, u16, type Version } from './packet-in-form.js';

/** What every fake switch answers, whatever is measured: greeting, echo, features, configuration, description, ports. */

const portCount = 16;
export const ports: readonly number[] = Array.from({ length: portCount }, (_, i) => i + 1);

export const helloOf = (version: Version): Uint8Array => message(version, kinds.hello, 1, new Uint8Array(0));

function putPort(b: Uint8Array, at: number, version: Version, port: number): void {
  const [hardware, name] = version === 1 ? [at + 2, at + 8] : [at + 8, at + 16];
  if (version === 1) put16(b, at, port);
  else put32(b, at, port);
  b.set([2, 1, 0, 0, 0, port], hardware);
  b.set(new TextEncoder().encode(`p${port}`), name);
}

const portBytes = (version: Version): number => (version === 1 ? 48 : 64);

function featuresReply(version: Version, xid: number, datapath: number): Uint8Array {
  const body = new Uint8Array(24 + (version === 1 ? portCount * portBytes(1) : 0));
  put32(body, 4, datapath);
  put32(body, 8, 256);
  body[12] = 1;
  if (version === 1) for (const [i, port] of ports.entries()) putPort(body, 24 + i * portBytes(1), 1, port);
  return message(version, kinds.featuresReply, xid, body);
}

/** Statistics of 1.0 (types 16 and 17, bodies behind 4 bytes) and multipart of 1.3 (18 and 19, behind 8 bytes). */
function statisticsReply(version: Version, xid: number, what: number): Uint8Array {
  const [kind, before] = version === 1 ? [17, 4] : [19, 8];
  const isPortDesc = version === 4 && what === 13;
  const content = what === 0 ? 1056 : isPortDesc ? portCount * portBytes(4) : 0;
  const body = new Uint8Array(before + content);
  put16(body, 0, what);
  if (isPortDesc) for (const [i, port] of ports.entries()) putPort(body, before + i * portBytes(4), 4, port);
  return message(version, kind, xid, body);
}

/** The answer to one message of a controller; undefined: it needs none. */
export function answerTo(
  b: Uint8Array,
  at: number,
  length: number,
  version: Version,
  datapath: number,
): Uint8Array | undefined {
  const xid = (b[at + 4]! << 24) | (b[at + 5]! << 16) | (b[at + 6]! << 8) | b[at + 7]!;
  const same = (kind: number): Uint8Array => {
    const copy = b.slice(at, at + length);
    header(copy, 0, version, kind, length, xid);
    return copy;
  };
  const kind = b[at + 1]!;
  const barrier = version === 1 ? 18 : 20;
  const statistics = version === 1 ? 16 : 18;
  if (kind === kinds.echoRequest) return same(kinds.echoReply);
  if (kind === kinds.featuresRequest) return featuresReply(version, xid, datapath);
  if (kind === kinds.getConfigRequest)
    return message(version, kinds.getConfigReply, xid, Uint8Array.of(0, 0, 0, 128));
  if (kind === barrier) return message(version, barrier + 1, xid, new Uint8Array(0));
  if (kind === statistics && length >= 12) return statisticsReply(version, xid, u16(b, at + 8));
  // A role request of 1.3 is granted as it was asked.
  if (version === 4 && kind === 24) return same(25);
  return undefined;
}
