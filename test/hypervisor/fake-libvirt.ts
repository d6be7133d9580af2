import type { RunningVirsh, VirshCall, VirshResult } from '../../src/hypervisor/index.js';
import { errors, infoText, noJobText } from './virsh-captures.js';

export type Host = 'A' | 'B';
interface Domain {
  state: string;
  reason: string;
  uuid: string;
  marker: string | undefined;
}
interface Job {
  pass: number;
  passStartedMs: number;
  processedBytes: number;
  remainingBytes: number;
  /** of the disk, which goes first */
  diskRemainingBytes: number;
  readonly diskTotalBytes: number;
  readonly mayFetch: boolean;
  fetching: boolean;
  readonly begunMs: number;
}

export const memoryBytes = 64 * 1_048_576;
const uuid = '11111111-2222-4333-8444-555555555555';
const switchMs = 30;
const answer = (stdout: string): VirshResult => ({ code: 0, stdout, stderr: '' });
const refusal = (stderr: string): VirshResult => ({ code: 1, stdout: '', stderr });
const invalid = (what: string): VirshResult => refusal(`error: Requested operation is not valid: ${what}\n`);

/** Two libvirtds with a machine, as far as virsh shows them, in virtual time; what they do when something dies is what libvirt 9.0 was seen to do. */
export class FakeLibvirt {
  nowMs = 0;
  readonly domains: Partial<Record<Host, Domain>> = {};
  readonly up: Record<Host, boolean> = { A: true, B: true };
  /** every command line without `-q -c URI` */
  readonly calls: { readonly host: Host; readonly args: readonly string[]; readonly atMs: number }[] = [];
  /** commands that are never answered in time */
  readonly hangs = new Set<string>();
  /** no domain is found, though it is listed */
  hides = false;
  speedMebibytes = 128;
  postcopyMebibytes = 0;
  downtimeLimitMs = 300;
  job: Job | undefined;
  completed: string | undefined;
  dirtyBytesPerSecond = 2e6;
  workingSetBytes = 8e6;
  #switchingSinceMs: number | undefined;
  #migrate: ((result: VirshResult) => void) | undefined;

  constructor() {
    this.domains.A = { state: 'running', reason: 'booted', uuid, marker: undefined };
  }

  running = (host: Host): boolean => this.domains[host]?.state === 'running';
  set(host: Host, state: string, reason: string, id = uuid): void {
    this.domains[host] = { state, reason, uuid: id, marker: this.domains[host]?.marker };
  }

  start = (call: VirshCall): RunningVirsh => {
    const host: Host = call.args[2]!.includes('//a/') ? 'A' : 'B';
    const args = call.args.slice(3);
    this.calls.push({ host, args, atMs: this.nowMs });
    if (args[0] === 'migrate') return this.#startMigrate(args);
    const result = this.hangs.has(args[0]!)
      ? { code: null, stdout: '', stderr: '', broken: 'timeout' as const }
      : this.#answer(host, args);
    return { ended: Promise.resolve(result), kill: () => undefined };
  };

  value(args: readonly string[], name: string): string {
    return args[args.indexOf(name) + 1] ?? '';
  }

  // ---------------------------------------------------------------- what virsh asks

  #answer(host: Host, args: readonly string[]): VirshResult {
    if (!this.up[host]) return refusal(errors.noSocket);
    const domain = this.domains[host];
    if (args[0] === 'list') return answer(domain === undefined ? '\n' : 'vm1\n\n');
    if (domain === undefined || this.hides) return refusal(errors.noDomain);
    switch (args[0]) {
      case 'domstate':
        return answer(`${domain.state}${domain.reason && ` (${domain.reason})`}\n\n`);
      case 'dominfo':
        return answer(infoText.replace(uuid, domain.uuid));
      case 'metadata':
        if (args.includes('--set')) domain.marker = this.value(args, '--set');
        return domain.marker === undefined
          ? refusal('error: metadata not found: Requested metadata element is not present\n')
          : answer(`${domain.marker}\n\n`);
      case 'domjobinfo':
        return this.#jobInfo(host, args);
      case 'resume':
        domain.state = 'running';
        return answer('');
      case 'destroy':
        this.domains[host] = undefined;
        return answer('');
      default:
        return this.#steer(args);
    }
  }

  #jobInfo(host: Host, args: readonly string[]): VirshResult {
    if (args.includes('--completed')) return answer((host === 'B' && this.completed) || noJobText);
    if (host === 'B' && this.domains.B?.reason === 'migrating')
      return refusal(
        'error: Operation not supported: migration statistics are available only on the source host\n',
      );
    const { job } = this;
    if (host === 'B' || job === undefined) return answer(noJobText);
    const begun = job.diskRemainingBytes === 0;
    const numbers = {
      memory_total: begun ? memoryBytes : 0,
      memory_processed: Math.round(job.processedBytes),
      memory_remaining: begun ? Math.round(job.remainingBytes) : 0,
      memory_dirty_rate: job.pass > 1 ? Math.round(this.dirtyBytesPerSecond / 4096) : 0,
      memory_iteration: begun ? job.pass : 0,
      memory_page_size: 4096,
      disk_total: job.diskTotalBytes,
      disk_processed: Math.round(job.diskTotalBytes - job.diskRemainingBytes),
      disk_remaining: Math.round(job.diskRemainingBytes),
    };
    const lines = Object.entries(numbers).map(([name, value]) => `${name}: ${value}`);
    return answer(`Job type: 2\n\noperation: 5\n${lines.join('\n')}\n`);
  }

  #steer(args: readonly string[]): VirshResult {
    const { job } = this;
    if (args[0] === 'migrate-setspeed') {
      if (args.includes('--postcopy')) this.postcopyMebibytes = Number(this.value(args, '--bandwidth'));
      else this.speedMebibytes = Number(this.value(args, '--bandwidth'));
      return answer('');
    }
    if (args[0] === 'migrate-setmaxdowntime') {
      this.downtimeLimitMs = Number(this.value(args, '--downtime'));
      return answer('');
    }
    if (job === undefined) return invalid('no job is active on the domain');
    if (args[0] === 'domjobabort') {
      if (job.fetching) return refusal(errors.tooLate);
      this.#endMigrate(errors.aborted);
      this.domains.B = undefined;
      return answer('');
    }
    if (!job.mayFetch)
      return invalid(
        'switching to post-copy requires migration to be started with VIR_MIGRATE_POSTCOPY flag',
      );
    if (this.nowMs < job.begunMs + 300)
      return refusal("error: internal error: unable to execute QEMU command 'migrate-start-postcopy'\n");
    job.fetching = true;
    this.set('A', 'paused', 'post-copy');
    this.set('B', 'running', 'post-copy');
    return answer('');
  }

  // ---------------------------------------------------------------- the migration

  #startMigrate(args: readonly string[]): RunningVirsh {
    const ended = new Promise<VirshResult>((resolve) => {
      this.#migrate = resolve;
    });
    if (!this.up.A) this.#endMigrate(errors.noSocket);
    else if (args.includes('--postcopy-resume')) {
      this.set('A', 'paused', 'post-copy');
      this.set('B', 'running', 'post-copy');
    } else if (!this.up.B) this.#endMigrate(errors.noSocket);
    else {
      this.speedMebibytes = Number(this.value(args, '--bandwidth'));
      if (args.includes('--postcopy'))
        this.postcopyMebibytes = Number(this.value(args, '--postcopy-bandwidth'));
      const diskTotalBytes = args.includes('--copy-storage-all') ? 16e6 : 0;
      this.job = {
        ...{ pass: 1, passStartedMs: this.nowMs, processedBytes: 0, remainingBytes: memoryBytes },
        ...{ diskTotalBytes, diskRemainingBytes: diskTotalBytes, begunMs: this.nowMs },
        ...{ mayFetch: args.includes('--postcopy'), fetching: false },
      };
      this.domains.B = { ...this.domains.A!, state: 'paused', reason: 'migrating' };
    }
    // as after kill -9: libvirt goes on
    return { ended, kill: () => this.killVirsh() };
  }

  #endMigrate(stderr: string): void {
    this.job = undefined;
    this.#switchingSinceMs = undefined;
    this.downtimeLimitMs = 300;
    this.#migrate?.(stderr === '' ? answer('') : refusal(stderr));
  }

  killVirsh(): void {
    this.#migrate?.({ code: null, stdout: '', stderr: '' });
  }

  step(ms: number): void {
    this.nowMs += ms;
    const { job } = this;
    if (job === undefined || (!this.up.A && !this.up.B)) return;
    const rate = (job.fetching ? this.postcopyMebibytes : this.speedMebibytes) * 1_048_576;
    const bytes = (rate * ms) / 1000;
    if (job.diskRemainingBytes > 0) {
      job.diskRemainingBytes = Math.max(0, job.diskRemainingBytes - bytes);
      job.passStartedMs = this.nowMs;
    } else if (this.#switchingSinceMs !== undefined) {
      if (this.nowMs >= this.#switchingSinceMs + switchMs) this.#arrive();
    } else {
      job.processedBytes += Math.min(bytes, job.remainingBytes);
      job.remainingBytes = Math.max(0, job.remainingBytes - bytes);
      if (job.fetching) this.#fetched(job);
      else this.#look(job, rate);
    }
  }

  #fetched(job: Job): void {
    if (job.remainingBytes === 0 && this.domains.A?.reason === 'post-copy') this.#arrive();
  }

  /** What fits into the limit is counted again first: only then is known what was written. */
  #look(job: Job, rate: number): void {
    const fits = (): boolean => job.remainingBytes <= (rate * this.downtimeLimitMs) / 1000;
    if (!fits()) return;
    const seconds = (this.nowMs - job.passStartedMs) / 1000;
    job.remainingBytes += Math.min(this.workingSetBytes, this.dirtyBytesPerSecond * seconds);
    job.pass += 1;
    job.passStartedMs = this.nowMs;
    if (!fits()) return;
    this.#switchingSinceMs = this.nowMs;
    this.set('A', 'paused', 'migrating');
  }

  #arrive(): void {
    const fetched = this.job?.fetching === true;
    this.domains.A = undefined;
    this.set('B', 'running', 'migrated');
    this.completed = fetched ? undefined : 'Job type: 3\n\noperation: 4\ndowntime: 39\n';
    this.#endMigrate('');
  }

  // ---------------------------------------------------------------- what dies

  /** libvirtd is killed; the QEMUs below it live. */
  stop(host: Host): void {
    this.up[host] = false;
    const { job } = this;
    if (job?.fetching === true) {
      if (host === 'B') this.set('A', 'paused', 'post-copy failed');
      this.#migrate?.(refusal(host === 'A' ? errors.killedDuringCall : errors.targetGone));
    } else if (job !== undefined && this.#switchingSinceMs === undefined) {
      this.domains.B = undefined;
      this.#endMigrate(host === 'A' ? errors.killedDuringCall : errors.targetGone);
    }
  }
  restart(host: Host): void {
    this.up[host] = true;
  }

  killQemu(host: Host): void {
    const fetching = this.job?.fetching === true;
    this.domains[host] = undefined;
    if (fetching && host === 'A') this.set('B', 'running', 'post-copy failed');
    else if (fetching) this.set('A', 'paused', 'post-copy failed');
    else if (host === 'A') this.domains.B = undefined;
    else if (this.domains.A !== undefined) this.set('A', 'running', 'booted');
    if (fetching && host === 'B')
      this.#migrate?.(refusal('error: operation failed: domain is not running\n'));
    else this.#endMigrate('error: operation failed: domain is not running\n');
  }
}
