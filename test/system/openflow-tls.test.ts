import { copyFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PrivateOvs } from '../session/support/private-ovs.js';
import { type Identity, TestAuthority } from '../support/certificates.js';
import { requireOrSkip } from '../support/require.js';
import { DaemonProcess, eventually } from './daemon.js';

const gatewayDpid = '0000000000000001';
const strangerDpid = '0000000000000009';

interface Switch {
  readonly dpid: string;
  readonly state: string;
  readonly connectedSeconds: number;
  readonly rules: {
    readonly desired: number;
    readonly installed: number | null;
    readonly refusal: string | null;
  };
}

describe.skipIf(!requireOrSkip('ovs', 'openssl'))('a real Open vSwitch over TLS', () => {
  let authority: TestAuthority;
  let ovs: PrivateOvs | undefined;
  const daemons: DaemonProcess[] = [];

  const file = (name: string): string => join(authority.directory, name);
  const put = (identity: Identity, name: string): void => {
    copyFileSync(identity.key, file(`${name}.key`));
    copyFileSync(identity.certificate, file(`${name}.pem`));
  };
  /** A controller that claims its switches; each has its own journal. */
  async function start(name: string): Promise<DaemonProcess> {
    put(authority.issue(name), name);
    writeFileSync(
      file(`${name}.yaml`),
      `openflow:\n  role: master\n  tls: { key: ${name}.key, certificate: ${name}.pem, authority: ca.pem }\n` +
        `topology: ${resolve('topologies/two-dc.yaml')}\n`,
    );
    const daemon = await DaemonProcess.start([
      '--config',
      file(`${name}.yaml`),
      '--state',
      file(`${name}-state`),
    ]);
    daemons.push(daemon);
    return daemon;
  }
  const switchesOf = async (daemon: DaemonProcess): Promise<readonly Switch[]> =>
    (await daemon.get<{ items: Switch[] }>('/v1/switches')).items;
  const gatewayOf = async (daemon: DaemonProcess): Promise<Switch | undefined> =>
    (await switchesOf(daemon)).find((s) => s.dpid === gatewayDpid);
  const target = (daemon: DaemonProcess): string => `ssl:127.0.0.1:${daemon.openflowPort}`;

  beforeAll(async () => {
    authority = new TestAuthority();
    ovs = await PrivateOvs.start();
    const identity = authority.issue(gatewayDpid);
    await ovs.setSsl(identity.key, identity.certificate, authority.certificate);
  });
  afterAll(async () => {
    for (const daemon of daemons) await daemon.kill('SIGTERM');
    await ovs?.stop();
    authority.remove();
  });

  it('joins with its own datapath id and gets its rules, is refused under another, and outlives new certificates', async () => {
    const daemon = await start('first');
    await ovs!.addBridge('gw', gatewayDpid, ['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7'], 1);
    await ovs!.addBridge('other', strangerDpid, [], 1);
    await ovs!.setControllers('gw', target(daemon));
    await ovs!.setControllers('other', target(daemon));
    await eventually('the rules of the gateway', async () => {
      const gateway = await gatewayOf(daemon);
      const { desired = -1, installed } = gateway?.rules ?? {};
      return gateway?.state === 'ready' && desired > 0 && installed === desired ? gateway : undefined;
    });
    // Open vSwitch writes roles into its database every few seconds.
    await eventually('the role', async () =>
      (await ovs!.roleOf(target(daemon))).includes('master') ? true : undefined,
    );
    await eventually('the refusal', () =>
      daemon.log.includes(`datapath id ${strangerDpid} needs a certificate`) ? true : undefined,
    );
    expect((await switchesOf(daemon)).map((s) => s.dpid)).not.toContain(strangerDpid);

    const { connectedSeconds } = (await gatewayOf(daemon))!;
    put(authority.issue('renewed'), 'first');
    // The refused bridge calls again and again, each time with the certificates of the moment.
    await new Promise((done) => setTimeout(done, 5000));
    const after = (await gatewayOf(daemon))!;
    expect(after.state).toBe('ready');
    expect(after.connectedSeconds).toBeGreaterThan(connectedSeconds + 3);
  });

  it('has one master: a second controller that claims it takes the first one’s right to write', async () => {
    const [first] = daemons;
    const second = await start('second');
    await ovs!.setControllers('gw', target(first!), target(second));
    await eventually('the second claim', async () =>
      (await ovs!.roleOf(target(second))).includes('master') ? true : undefined,
    );
    // Demoted where it was master before; left as one of equals where it found the newer claim and made none.
    expect(await ovs!.roleOf(target(first!))).toMatch(/slave|other/);
    expect(await ovs!.roleOf(target(first!))).not.toContain('master');
    await eventually('its rules', async () => {
      const gateway = await gatewayOf(second);
      return gateway?.state === 'ready' && gateway.rules.installed === gateway.rules.desired
        ? gateway
        : undefined;
    });
  });
});
