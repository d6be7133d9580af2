import { describe, expect, it } from 'vitest';
import type { AgentCommand, AgentEventLine, AgentStatus } from '../../src/hypervisor/protocol.js';
import { desiredRules } from '../../src/network/intents.js';
import { NetworkSimulation } from '../../src/simulator/network-simulation.js';
import { programSwitch } from '../../src/simulator/program-switch.js';
import { twoDc } from './fixtures.js';

const topology = twoDc();
type Migrate = Extract<AgentCommand, { execute: 'migrate' }>;

/** Two agents with a network between them on which nothing else happens. */
class Pair {
  readonly simulation = new NetworkSimulation(topology, { seed: 1 });
  readonly events: string[] = [];
  constructor() {
    const state = { vmLocation: new Map(), migrations: [], classes: [] };
    for (const [name, control] of this.simulation.controls)
      programSwitch(control, desiredRules(topology, name, state));
    for (const [host, agent] of this.simulation.agents)
      agent.onEvent = (line: AgentEventLine) => this.events.push(`${host} ${line.event}`);
  }
  ask(host: 'hyp-a' | 'hyp-b', command: AgentCommand): { code?: string; status?: AgentStatus } {
    const answer = this.simulation.agents.get(host)!.handle(command);
    return 'error' in answer ? { code: answer.error.code } : { status: answer.return as AgentStatus };
  }
  prepare(port = 4900): { code?: string } {
    return this.ask('hyp-b', { execute: 'prepare-incoming', migration: 'm', vm: 'vm1', streams: [{ port }] });
  }
  migrate(change: Partial<Migrate> = {}): { code?: string } {
    return this.ask('hyp-a', {
      execute: 'migrate',
      migration: 'm',
      vm: 'vm1',
      destination: { address: '10.99.0.12' },
      streams: [{ port: 4900 }],
      memoryBytes: 10_000_000,
      dirtyBytesPerSecond: 250_000,
      workingSetBytes: 2_000_000,
      downtimeLimitMs: 300,
      bandwidthBytesPerSecond: null,
      switchoverTimeoutSeconds: 5,
      ...change,
    });
  }
  status(host: 'hyp-a' | 'hyp-b' = 'hyp-a'): AgentStatus {
    return this.ask(host, { execute: 'query', migration: 'm' }).status!;
  }
  run(seconds: number): void {
    this.simulation.runUntil(this.simulation.now + seconds);
  }
}

describe('simulated hypervisor agents', () => {
  it('copy until what is left fits the downtime, wait, stop, and resume at the target', () => {
    const pair = new Pair();
    pair.prepare();
    pair.migrate();
    expect(pair.ask('hyp-a', { execute: 'continue', migration: 'm' }).code).toBe('wrong-phase');
    pair.run(4);
    expect(pair.status().phase).toBe('pre-switchover');
    expect(pair.simulation.vmRunsAt('vm1', 'hyp-a')).toBe(true);
    const copied = pair.status().transferredBytes;
    pair.run(1);
    // It goes on copying what the machine dirties.
    expect(pair.status().transferredBytes - copied).toBeGreaterThan(100_000);
    expect(pair.ask('hyp-a', { execute: 'continue', migration: 'm' }).status?.phase).toBe('stopped');
    expect(pair.simulation.vmRunsAt('vm1', 'hyp-a')).toBe(false);
    pair.run(1);
    expect(pair.status().phase).toBe('completed');
    expect(pair.status('hyp-b').phase).toBe('resumed');
    expect(pair.simulation.vmRunsAt('vm1', 'hyp-b')).toBe(true);
    expect(pair.status().downtimeMs).toBeGreaterThan(20);
    expect(pair.status().downtimeMs).toBeLessThan(300);
    expect(pair.status('hyp-b').transferredBytes).toBe(pair.status().transferredBytes);
    expect(pair.events.filter((e) => !e.endsWith('ROUND'))).toEqual([
      'hyp-a PRE_SWITCHOVER',
      'hyp-a STOP',
      'hyp-b RESUME',
      'hyp-a COMPLETED',
    ]);
  });

  it('send over several streams, and resume when the bytes of all are there', () => {
    const pair = new Pair();
    const streams = [{ port: 4900 }, { port: 4964 }];
    expect(
      pair.ask('hyp-b', { execute: 'prepare-incoming', migration: 'm', vm: 'vm1', streams }).code,
    ).toBeUndefined();
    pair.migrate({ streams });
    expect(pair.ask('hyp-a', { execute: 'use-streams', migration: 'm', count: 3 }).code).toBe('bad-command');
    pair.run(0.5);
    expect(pair.simulation.connections[1]!.receiver.receivedBytes).toBe(0);
    pair.ask('hyp-a', { execute: 'use-streams', migration: 'm', count: 2 });
    pair.run(3.5);
    expect(pair.status().phase).toBe('pre-switchover');
    pair.ask('hyp-a', { execute: 'continue', migration: 'm' });
    pair.run(1);
    expect(pair.status().phase).toBe('completed');
    expect(pair.status('hyp-b').transferredBytes).toBe(pair.status().transferredBytes);
    expect(pair.events.slice(-2)).toEqual(['hyp-b RESUME', 'hyp-a COMPLETED']);
    const carried = pair.simulation.connections.map((c) => c.receiver.receivedBytes);
    expect(carried.reduce((a, b) => a + b)).toBe(pair.status().transferredBytes);
    // one queue, two alike: neither starves
    expect(Math.min(...carried)).toBeGreaterThan(0.15 * pair.status().transferredBytes);
  });

  it('keep a cap over all streams together', () => {
    const pair = new Pair();
    const streams = [{ port: 4900 }, { port: 4964 }, { port: 5028 }];
    pair.ask('hyp-b', { execute: 'prepare-incoming', migration: 'm', vm: 'vm1', streams });
    pair.migrate({ streams, bandwidthBytesPerSecond: 1_000_000 });
    pair.ask('hyp-a', { execute: 'use-streams', migration: 'm', count: 3 });
    pair.run(5);
    expect(pair.status().transferredBytes / 5).toBeGreaterThan(900_000);
    expect(pair.status().transferredBytes / 5).toBeLessThanOrEqual(1_010_000);
    const carried = pair.simulation.connections.map((c) => c.receiver.receivedBytes);
    expect(Math.min(...carried)).toBeGreaterThan(0.2 * pair.status().transferredBytes);
  });

  it('keep to their bandwidth, and to a new one at once', () => {
    const pair = new Pair();
    pair.prepare();
    pair.migrate({ bandwidthBytesPerSecond: 1_000_000 });
    pair.run(3);
    const first = pair.status().transferredBytes;
    expect(first / 3).toBeGreaterThan(930_000);
    expect(first / 3).toBeLessThanOrEqual(1_010_000);
    expect(
      pair.ask('hyp-a', { execute: 'set-bandwidth', migration: 'm', bytesPerSecond: 500_000 }).code,
    ).toBeUndefined();
    pair.run(4);
    const second = pair.status().transferredBytes - first;
    expect(second / 4).toBeGreaterThan(470_000);
    expect(second / 4).toBeLessThanOrEqual(510_000);
    expect(pair.ask('hyp-a', { execute: 'set-bandwidth', migration: 'm', bytesPerSecond: 0 }).code).toBe(
      'bad-bandwidth',
    );
  });

  it('do not converge when the machine dirties faster than the line', () => {
    const pair = new Pair();
    pair.prepare();
    pair.migrate({ dirtyBytesPerSecond: 20_000_000, workingSetBytes: 9_000_000 });
    pair.run(20);
    expect(pair.status().phase).toBe('active');
    expect(pair.status().round).toBeGreaterThan(5);
  });

  it('leave the machine where it is when cancelled, also after it stopped', () => {
    const running = new Pair();
    running.prepare();
    running.migrate();
    running.run(1);
    expect(running.ask('hyp-a', { execute: 'cancel', migration: 'm' }).status?.phase).toBe('cancelled');
    running.run(1);
    expect(running.status('hyp-b').phase).toBe('failed');
    expect(running.simulation.vmRunsAt('vm1', 'hyp-a')).toBe(true);

    const stopped = new Pair();
    stopped.prepare();
    stopped.migrate();
    stopped.run(4);
    stopped.ask('hyp-a', { execute: 'continue', migration: 'm' });
    stopped.ask('hyp-a', { execute: 'cancel', migration: 'm' });
    stopped.run(2);
    expect(stopped.simulation.vmRunsAt('vm1', 'hyp-a')).toBe(true);
    expect(stopped.status('hyp-b').phase).toBe('failed');
  });

  it('give up when the target does, when nobody says continue, and when nobody listens', () => {
    const abandoned = new Pair();
    abandoned.prepare();
    abandoned.migrate();
    abandoned.run(1);
    abandoned.ask('hyp-b', { execute: 'cancel', migration: 'm' });
    abandoned.run(1);
    expect(abandoned.status().phase).toBe('failed');
    expect(abandoned.simulation.vmRunsAt('vm1', 'hyp-a')).toBe(true);

    const waiting = new Pair();
    waiting.prepare();
    waiting.migrate();
    waiting.run(15);
    expect(waiting.status()).toMatchObject({ phase: 'failed', detail: expect.stringContaining('continue') });

    const alone = new Pair();
    alone.migrate();
    alone.run(1);
    expect(alone.status()).toMatchObject({ phase: 'failed', detail: 'connection refused' });
  });

  it('refuse what cannot be', () => {
    const pair = new Pair();
    expect(pair.migrate({ vm: 'vm9' }).code).toBe('vm-not-here');
    expect(pair.migrate({ bandwidthBytesPerSecond: 0 }).code).toBe('bad-bandwidth');
    expect(pair.migrate({ destination: { address: '10.9.9.9' } }).code).toBe('unreachable');
    expect(pair.ask('hyp-a', { execute: 'cancel', migration: 'm' }).code).toBe('unknown-migration');
    expect(pair.status().phase).toBe('none');
    pair.prepare();
    pair.migrate();
    expect(pair.migrate().code).toBe('already-migrating');
    expect(
      pair.ask('hyp-b', {
        execute: 'prepare-incoming',
        migration: 'other',
        vm: 'vm1',
        streams: [{ port: 4900 }],
      }).code,
    ).toBe('port-in-use');
  });
});
