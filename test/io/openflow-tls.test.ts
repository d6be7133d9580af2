import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { whyNotThisSwitch } from '../../src/engine/switch-identity.js';
import { readConfig } from '../../src/io/config-file.js';
import { type ListenerEvents, OpenflowListener } from '../../src/io/openflow-listener.js';
import { readTls, TlsError, type TlsPaths } from '../../src/io/tls-identity.js';
import { TlsRotation } from '../../src/io/tls-rotation.js';
import { readTopology } from '../../src/io/topology-file.js';
import type { ConfigError } from '../../src/io/yaml-document.js';
import { DeskRig, emptyConfig } from '../engine/desk-rig.js';
import { type Identity, TestAuthority } from '../support/certificates.js';
import { requireOrSkip } from '../support/require.js';

/** How a connection came out, seen from the switch. */
type Outcome = { readonly joined: true; readonly socket: Socket } | { readonly joined: false };

const watchdogMs = 20_000;

describe.skipIf(!requireOrSkip('openssl'))('OpenFlow over TLS', () => {
  let authority: TestAuthority;
  let stranger: TestAuthority;
  let ours: Identity;
  const listeners: OpenflowListener[] = [];
  const sockets: Socket[] = [];

  beforeAll(() => {
    authority = new TestAuthority();
    stranger = new TestAuthority('somebody else');
    ours = authority.issue('controller');
  });
  afterAll(() => {
    authority.remove();
    stranger.remove();
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const listener of listeners.splice(0)) await listener.stop();
  });

  const paths = (identity: Identity = ours, requireClientCertificate = true): TlsPaths => ({
    ...identity,
    authority: authority.certificate,
    requireClientCertificate,
  });

  /** A listener that greets everybody with one byte, and writes down who came. */
  async function listen(tls: TlsPaths): Promise<{ port: number; came: string[]; problems: string[] }> {
    const came: string[] = [];
    const problems: string[] = [];
    const events: ListenerEvents = {
      connected: (connection, _, certificate) => {
        came.push(certificate ?? 'nobody');
        listener.send(connection, Uint8Array.of(42));
      },
      received: () => {},
      lost: () => {},
      blocked: () => {},
      writable: () => {},
      problem: (detail) => problems.push(detail),
    };
    const listener = new OpenflowListener(events, tls);
    listeners.push(listener);
    return { port: await listener.listen('127.0.0.1', 0), came, problems };
  }

  function attempt(
    port: number,
    identity: Identity | undefined,
    more: ConnectionOptions = {},
  ): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const own = identity && { key: readFileSync(identity.key), cert: readFileSync(identity.certificate) };
      const socket = connect({
        host: '127.0.0.1',
        port,
        ca: readFileSync(authority.certificate),
        checkServerIdentity: () => undefined,
        ...own,
        ...more,
      });
      sockets.push(socket);
      const watchdog = setTimeout(() => reject(new Error('neither accepted nor refused')), watchdogMs);
      // In TLS 1.3 the client is done before the server has looked at its certificate: the first byte is the proof.
      socket.once('data', () => {
        clearTimeout(watchdog);
        resolve({ joined: true, socket });
      });
      socket.on('error', () => {});
      socket.once('close', () => {
        clearTimeout(watchdog);
        resolve({ joined: false });
      });
    });
  }

  it('DELTA 2.1.070: takes switches that prove who they are, and tells their names; two at once', async () => {
    const { port, came } = await listen(paths());
    const outcomes = await Promise.all(['sw-1', 'sw-2'].map((name) => attempt(port, authority.issue(name))));
    expect(outcomes.map((o) => o.joined)).toEqual([true, true]);
    expect(came.sort()).toEqual(['sw-1', 'sw-2']);
  });

  it('DELTA 2.1.071: a TLS start that fails costs nobody else anything', async () => {
    const { port, came, problems } = await listen(paths());
    const plain = connectTcp(port, '127.0.0.1');
    sockets.push(plain);
    const closed = new Promise((resolve) => plain.once('close', resolve));
    plain.on('error', () => {});
    // An OpenFlow HELLO in the clear is no TLS.
    plain.write(Uint8Array.of(4, 0, 0, 8, 0, 0, 0, 1));
    await closed;
    expect(problems).toEqual([expect.stringMatching(/^TLS with .*127\.0\.0\.1:\d+ failed: /)]);
    expect((await attempt(port, authority.issue('good'))).joined).toBe(true);
    expect(came).toEqual(['good']);
  });

  it.each<[string, RegExp, () => [Identity | undefined, ConnectionOptions]]>([
    ['no certificate', /it has no certificate$/, () => [undefined, {}]],
    [
      'a certificate of another authority',
      /\(sw\) was refused: UNABLE_TO_VERIFY_LEAF_SIGNATURE$/,
      () => [stranger.issue('sw'), {}],
    ],
    [
      'a certificate that has ended',
      /\(sw\) was refused: CERT_HAS_EXPIRED$/,
      () => [authority.issue('sw', -1), {}],
    ],
    [
      'TLS 1.1',
      /unsupported protocol$/,
      () => [authority.issue('sw'), { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' }],
    ],
  ])('DELTA 2.1.072: refuses %s', async (_, why, make) => {
    const { port, came, problems } = await listen(paths());
    const [identity, more] = make();
    expect((await attempt(port, identity, more)).joined).toBe(false);
    expect(came).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(why)]);
  });

  it('lets the switch refuse a controller of another authority', async () => {
    const { port } = await listen(paths(stranger.issue('controller')));
    expect((await attempt(port, authority.issue('sw'))).joined).toBe(false);
  });

  it('asks for no certificate where none is required, and believes nobody for having one', async () => {
    const { port, came } = await listen(paths(ours, false));
    expect((await attempt(port, undefined)).joined).toBe(true);
    expect((await attempt(port, authority.issue('sw'))).joined).toBe(true);
    expect(came).toEqual(['nobody', 'nobody']);
  });

  it('uses replaced files for new connections, keeps the old ones through bad ones, and drops no session', async () => {
    const live = {
      key: join(authority.directory, 'live.key'),
      certificate: join(authority.directory, 'live.pem'),
    };
    const put = (identity: Identity): void => {
      copyFileSync(identity.key, live.key);
      copyFileSync(identity.certificate, live.certificate);
    };
    put(authority.issue('controller-1'));
    const material = readTls(paths(live));
    const told: string[] = [];
    const rotation = new TlsRotation(paths(live), material, {
      renewed: (renewed) => told.push(`renewed ${renewed.digest !== material.digest}`),
      unusable: (detail) => told.push(detail.replace(/: .*/, '')),
    });
    rotation.look();
    expect(told).toEqual([]);
    const second = authority.issue('controller-2');
    copyFileSync(second.certificate, live.certificate);
    rotation.look();
    rotation.look();
    expect(told).toEqual(['the key does not belong to the certificate']);
    copyFileSync(second.key, live.key);
    rotation.look();
    rotation.look();
    expect(told).toEqual(['the key does not belong to the certificate', 'renewed true']);
    rotation.stop();

    const { port, came, problems } = await listen(paths(live));
    const serverName = async (): Promise<string> => {
      const name = await new Promise<string>((resolve, reject) => {
        const identity = authority.issue('sw');
        const socket = connect({
          host: '127.0.0.1',
          port,
          ca: readFileSync(authority.certificate),
          key: readFileSync(identity.key),
          cert: readFileSync(identity.certificate),
          checkServerIdentity: () => undefined,
        });
        sockets.push(socket);
        socket.once('secureConnect', () => resolve(String(socket.getPeerCertificate().subject.CN)));
        socket.once('error', reject);
      });
      return name;
    };
    const old = await attempt(port, authority.issue('old'));
    expect(await serverName()).toBe('controller-2');
    put(authority.issue('controller-3'));
    let name = await serverName();
    for (const until = Date.now() + watchdogMs; name !== 'controller-3' && Date.now() < until; ) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      name = await serverName();
    }
    expect(name).toBe('controller-3');
    expect(problems).toEqual([]);
    expect(old.joined && !old.socket.destroyed && old.socket.writable).toBe(true);
    expect(came[0]).toBe('old');
  });

  it.each<[string, (good: TlsPaths) => TlsPaths, TlsError['file']]>([
    ['a missing key', (p) => ({ ...p, key: join(authority.directory, 'absent') }), 'key'],
    ['a certificate in place of the key', (p) => ({ ...p, key: p.certificate }), 'key'],
    ['a key in place of the certificate', (p) => ({ ...p, certificate: p.key }), 'certificate'],
    ['a key in place of the authority', (p) => ({ ...p, authority: p.key }), 'authority'],
    ['the key of another certificate', (p) => ({ ...p, key: authority.issue('x').key }), undefined],
  ])('says at the start what is wrong with %s', (_, spoil, file) => {
    try {
      readTls(spoil(paths()));
    } catch (e) {
      expect(e).toBeInstanceOf(TlsError);
      expect((e as TlsError).file).toBe(file);
      return;
    }
    throw new Error('it was accepted');
  });

  it('is configured with paths relative to the file, which steady check reads', () => {
    const file = join(authority.directory, 'steady.yaml');
    const relative = (path: string): string => path.slice(authority.directory.length + 1);
    const text = (key: string): string =>
      `openflow:\n  role: master\n  tls: { key: ${key}, certificate: ${relative(ours.certificate)}, authority: ca.pem }\n`;
    writeFileSync(file, text(relative(ours.key)));
    const read = readConfig(file);
    expect(read.listen.openflow.tls).toEqual(paths());
    expect(read.config.openflow).toEqual({ role: 'master', certificates: true });
    writeFileSync(file, text('absent.key'));
    try {
      readConfig(file);
    } catch (e) {
      expect((e as ConfigError).problems).toMatchObject([{ line: 3, path: 'openflow.tls.key' }]);
      return;
    }
    throw new Error('it was accepted');
  });
});

describe('the datapath id of a certificate', () => {
  const openflow = { role: 'equal', certificates: true } as const;
  const topology = readTopology('topologies/two-dc.yaml');
  const config = {
    ...emptyConfig,
    openflow,
    topology,
    switches: [{ name: 'gw-a', ovsdb: undefined, certificate: 'gw-a id:7' }],
  };

  it.each([
    ['0000000000000001', 'gw-a id:7', true],
    ['0000000000000001', '0000000000000001', false],
    ['0000000000000002', '0000000000000002', true],
    ['0000000000000002', 'gw-a id:7', false],
    ['0000000000000002', '', false],
    ['0000000000000002', undefined, false],
  ])('%s with a certificate of %s: %s', (dpid, certificate, accepted) => {
    expect(whyNotThisSwitch(config, dpid, certificate) === undefined).toBe(accepted);
    expect(whyNotThisSwitch({ ...config, openflow: undefined }, dpid, certificate)).toBeUndefined();
  });

  it('cannot be taken with the certificate of another switch, whose session stays', () => {
    const rig = new DeskRig({ ...config, topology: undefined, switches: [] });
    const good = rig.shakeHands(rig.connect('192.0.2.1:1', '0000000000000007'), 7n);
    const bad = rig.shakeHands(rig.connect('192.0.2.2:2', '0000000000000008'), 7n);
    expect(bad.closed).toContain('needs a certificate of "0000000000000007"');
    expect(good.closed).toBeUndefined();
    expect(good.take('echo_request')).toEqual([]);
    expect(rig.logged('error')).toEqual(['a switch that is not what it says was refused']);
    expect(rig.ready).toEqual(['0000000000000007']);
  });
});
