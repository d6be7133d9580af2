import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An Open vSwitch of our own with a datapath that forwards nothing: no device of the machine is touched. */
export class PrivateOvs {
  readonly directory = mkdtempSync(join(tmpdir(), 'steady-bench-ovs-'));
  readonly #pids: number[] = [];

  constructor() {
    const at = this.directory;
    const daemon = ['--detach', '--no-chdir'];
    try {
      this.run('ovsdb-tool', 'create', `${at}/conf.db`, '/usr/share/openvswitch/vswitch.ovsschema');
      const socket = `--remote=punix:${at}/db.sock`;
      this.run(
        'ovsdb-server',
        `${at}/conf.db`,
        socket,
        `--pidfile=${at}/db.pid`,
        ...daemon,
        `--log-file=${at}/db.log`,
      );
      this.#pids.push(Number(readFileSync(`${at}/db.pid`, 'utf8')));
      this.vsctl('--no-wait', 'init');
      this.#startSwitch();
      const bridge = ['datapath_type=dummy', 'protocols=OpenFlow13,OpenFlow14', 'fail_mode=secure'];
      this.vsctl('add-br', 'br', '--', 'set', 'bridge', 'br', ...bridge);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  #startSwitch(): void {
    const at = this.directory;
    const kind = ['--enable-dummy=override', '--disable-system'];
    const files = [`--pidfile=${at}/vs.pid`, `--log-file=${at}/vs.log`];
    this.run('ovs-vswitchd', `unix:${at}/db.sock`, ...kind, '--detach', '--no-chdir', ...files);
    this.#pids.push(Number(readFileSync(`${at}/vs.pid`, 'utf8')));
  }

  /** Killed, and started again with empty tables. */
  rebootSwitch(): void {
    process.kill(this.#pids.pop()!, 'SIGKILL');
    this.#startSwitch();
  }

  run(command: string, ...args: string[]): string {
    return execFileSync(command, args, {
      encoding: 'utf8',
      timeout: 120_000,
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
        OVS_RUNDIR: this.directory,
        OVS_LOGDIR: this.directory,
        OVS_DBDIR: this.directory,
        OVS_SYSCONFDIR: this.directory,
      },
    });
  }

  vsctl(...args: string[]): string {
    return this.run('ovs-vsctl', `--db=unix:${this.directory}/db.sock`, '--timeout=30', ...args);
  }

  ofctl(...args: string[]): string {
    const [command, ...rest] = args;
    return this.run('ovs-ofctl', '-O', 'OpenFlow14', command!, `unix:${this.directory}/br.mgmt`, ...rest);
  }

  flowCount(): number {
    return Number(/flow_count=(\d+)/.exec(this.ofctl('dump-aggregate'))?.[1] ?? -1);
  }

  stop(): void {
    for (const pid of this.#pids.splice(0).reverse())
      try {
        process.kill(pid);
      } catch {
        // it has ended already
      }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
