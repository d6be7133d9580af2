import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from './daemon.js';

export interface Finished {
  readonly code: number | null;
  /** standard output and standard error as they came */
  readonly output: string;
}

/**
 * A place with its own network, its own processes and its own Open vSwitch. Two of them with the userspace datapath
 * cannot share a network (both want the device ovs-netdev), and programs that use "the" Open vSwitch of the machine
 * find this one. When the enclosure ends, the kernel ends every process in it and removes every interface.
 */
export class Enclosure {
  readonly directory: string;
  readonly #holder: ChildProcess;
  /** of the first process inside, as seen from outside */
  readonly #pid: string;

  static async open(prefix: string): Promise<Enclosure> {
    const directory = mkdtempSync(join(tmpdir(), prefix));
    const kinds = ['--net', '--pid', '--mount-proc', '--fork', '--kill-child'];
    const script = 'ip link set lo up && echo ready && exec sleep infinity';
    const holder = spawn('unshare', [...kinds, 'sh', '-c', script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(directory),
    });
    const [line] = await Promise.race([
      once(createInterface(holder.stdout), 'line'),
      once(holder, 'exit').then(([code]) => [`unshare ended with ${code}`]),
    ]);
    if (line !== 'ready') {
      rmSync(directory, { recursive: true, force: true });
      throw new Error(`no namespaces: ${line}`);
    }
    const pid = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8').trim();
    return new Enclosure(directory, holder, pid);
  }

  private constructor(directory: string, holder: ChildProcess, pid: string) {
    this.directory = directory;
    this.#holder = holder;
    this.#pid = pid;
  }

  /** Starts a program inside; the caller need not stop it. */
  start(command: string, ...args: string[]): ChildProcess {
    const inside = [`--target=${this.#pid}`, '--net', '--pid', '--mount', `--wd=${process.cwd()}`, '--'];
    return spawn('nsenter', [...inside, command, ...args], { env: environment(this.directory) });
  }

  /** Runs a program inside to its end. */
  async run(command: string, ...args: string[]): Promise<Finished> {
    const child = this.start(command, ...args);
    child.stdin?.end();
    return finish(child);
  }

  /** As `run`, for programs that must succeed. */
  async must(command: string, ...args: string[]): Promise<string> {
    const { code, output } = await this.run(command, ...args);
    if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${code}: ${output}`);
    return output;
  }

  async startOpenVSwitch(): Promise<void> {
    const at = this.directory;
    const daemon = ['--detach', '--no-chdir', '--pidfile'];
    await this.must('ovsdb-tool', 'create', `${at}/conf.db`, '/usr/share/openvswitch/vswitch.ovsschema');
    const remote = `--remote=punix:${at}/db.sock`;
    await this.must('ovsdb-server', `${at}/conf.db`, remote, ...daemon, `--log-file=${at}/db.log`);
    await this.must('ovs-vsctl', '--no-wait', 'init');
    await this.must('ovs-vswitchd', `unix:${at}/db.sock`, ...daemon, `--log-file=${at}/vs.log`);
  }

  /** Resolves when no process of it is left: the kernel keeps the first one until all the others are gone. */
  async close(): Promise<void> {
    this.#holder.kill('SIGKILL');
    await eventually('the processes inside end', () => !existsSync(`/proc/${this.#pid}`) || undefined);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Collects what a process says until it ends. */
export async function finish(child: ChildProcess): Promise<Finished> {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** Programs of Open vSwitch find their instance by these. */
const environment = (directory: string): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
  OVS_RUNDIR: directory,
  OVS_LOGDIR: directory,
  OVS_DBDIR: directory,
  OVS_SYSCONFDIR: directory,
});
