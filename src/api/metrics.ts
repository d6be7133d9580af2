import { Counter, Gauge, Registry } from 'prom-client';
import type { SwitchView, SystemView } from '../engine/view.js';
import { migrationStates } from './schemas/migration.js';

/**
 * `/metrics` in the Prometheus text format, in a registry of its own. Facts that Faucet also knows keep its
 * names and labels (`dp_id` in hexadecimal with 0x, `dp_name`), so its dashboards work; `steady_*` is ours, in
 * base units. Values are taken from the latest view at each scrape.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #connections = this.#counter(
    'of_dp_connections',
    'switches that completed the handshake',
    dpLabels,
  );
  readonly #disconnections = this.#counter(
    'of_dp_disconnections',
    'connections to switches that were lost',
    dpLabels,
  );
  readonly #refresh: ((view: SystemView) => void)[] = [];
  #switches = new Map<string, SwitchView>();

  constructor() {
    this.#switchMetrics();
    this.#bottleneckMetrics();
    this.#certificateMetrics();
    this.#splitMetrics();
    this.#shadowMetrics();
    this.#migrationMetrics();
    this.#processMetrics();
    this.#linkMetrics();
    this.#circuitMetrics();
  }

  /** Counts what happens between views; call it with each one. */
  observe(view: SystemView): void {
    const now = new Map(known(view).map((s) => [s.dpid, s]));
    for (const s of now.values()) {
      const before = this.#switches.get(s.dpid);
      const wasReady = before?.state === 'ready';
      const isReady = s.state === 'ready';
      const reconnected = wasReady && isReady && s.connectedSeconds < before.connectedSeconds;
      if ((isReady && !wasReady) || reconnected) this.#connections.inc(dpOf(s));
      if ((wasReady && !isReady) || reconnected) this.#disconnections.inc(dpOf(s));
    }
    for (const [dpid, before] of this.#switches)
      if (!now.has(dpid) && before.state === 'ready') this.#disconnections.inc(dpOf(before));
    this.#switches = now;
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(view: SystemView, streamClients: number): Promise<string> {
    this.#streamClients.set(streamClients);
    for (const refresh of this.#refresh) refresh(view);
    return this.#registry.metrics();
  }

  readonly #streamClients = this.#gauge('steady_stream_clients', 'readers of the live stream', []);

  #gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> {
    return new Gauge({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }
  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name, help, labelNames: [...labelNames], registers: [this.#registry] });
  }

  #switchMetrics(): void {
    const status = this.#gauge('dp_status', '1: the switch is connected and ready', dpLabels);
    const portStatus = this.#gauge('port_status', '1: the port is up', [
      ...dpLabels,
      'port',
      'port_description',
    ]);
    const rules = this.#gauge('steady_switch_rules', 'rules of ours, as desired and as read back', [
      ...dpLabels,
      'kind',
    ]);
    this.#refresh.push((view) => {
      for (const metric of [status, portStatus, rules]) metric.reset();
      for (const s of known(view)) {
        const dp = dpOf(s);
        status.set(dp, s.state === 'ready' ? 1 : 0);
        rules.set({ ...dp, kind: 'desired' }, s.rules.desired);
        if (s.rules.installed !== null) rules.set({ ...dp, kind: 'installed' }, s.rules.installed);
        for (const port of s.ports)
          portStatus.set({ ...dp, port: `${port.portNumber}`, port_description: port.name }, port.up ? 1 : 0);
      }
    });
  }

  #linkMetrics(): void {
    const alarms = this.#counter('steady_lldp_alarms_total', 'LLDP that shows nothing, by cause and port', [
      'cause',
      'dp_id',
      'port',
    ]);
    const verified = this.#gauge('steady_link_verified_age_seconds', 'since LLDP last confirmed the link', [
      'link',
    ]);
    this.#refresh.push((view) => {
      alarms.reset();
      verified.reset();
      for (const a of view.lldpAlarms)
        alarms.inc({ cause: a.cause, dp_id: `0x${a.dpid}`, port: `${a.portNumber}` }, a.alarms);
      for (const link of view.links)
        if (link.verifiedSecondsAgo !== null) verified.set({ link: link.name }, link.verifiedSecondsAgo);
    });
  }

  #circuitMetrics(): void {
    const label = ['link'] as const;
    const ordered = this.#counter('steady_circuit_orders_total', 'circuits that were ordered', label);
    const released = this.#counter(
      'steady_circuit_releases_total',
      'circuits whose release the provider confirmed; orders - releases are open',
      label,
    );
    const strays = this.#counter(
      'steady_circuit_strays_total',
      'circuits found at the provider without an order, and released',
      label,
    );
    const cost = this.#gauge(
      'steady_circuit_cost',
      'what it cost so far, in the currency of its prices',
      label,
    );
    const carries = this.#gauge('steady_circuit_carries', '1: traffic may be put on it', label);
    const provider = this.#gauge('steady_circuit_provider_up', '1: the provider answers', label);
    this.#refresh.push((view) => {
      for (const metric of [ordered, released, strays, cost, carries, provider]) metric.reset();
      for (const { name: link, ledger, carries: may, budget, providerProblem } of view.circuits) {
        ordered.inc({ link }, ledger.requested);
        released.inc({ link }, ledger.released);
        strays.inc({ link }, ledger.strays);
        cost.set({ link }, ledger.cost);
        carries.set({ link }, may ? 1 : 0);
        if (budget !== null) provider.set({ link }, providerProblem === null ? 1 : 0);
      }
    });
  }

  #bottleneckMetrics(): void {
    const label = ['bottleneck'] as const;
    const backlog = this.#gauge('steady_queue_backlog_bytes', 'estimated backlog of the queue', label);
    const uncertainty = this.#gauge(
      'steady_queue_backlog_uncertainty_bytes',
      'half-width of the estimate',
      label,
    );
    const wait = this.#gauge(
      'steady_queue_delay_seconds',
      'how long packets wait: backlog over capacity; of an opaque path, how long the last byte out had waited',
      label,
    );
    const bound = this.#gauge(
      'steady_queue_delay_bound_seconds',
      'bound of theorem 2 on the real queue',
      label,
    );
    const capacity = this.#gauge('steady_path_capacity_bits_per_second', 'rate of the bottleneck', label);
    const rate = this.#gauge(
      'steady_path_rate_bits_per_second',
      'kind: commanded by the law, enforced by the queue, measured by counters, cross traffic, its forecast',
      ['bottleneck', 'kind'],
    );
    const age = this.#gauge('steady_stats_age_seconds', 'age of the newest sample', label);
    const loop = this.#gauge(
      'steady_loop_delay_seconds',
      'from a command to its effect in the counters',
      label,
    );
    const safe = this.#gauge(
      'steady_safe_mode',
      '1: the rate is the safe rate, whatever the law says',
      label,
    );
    this.#refresh.push((view) => {
      for (const metric of [backlog, uncertainty, wait, bound, capacity, rate, age, loop, safe])
        metric.reset();
      for (const b of view.bottlenecks) {
        const of = { bottleneck: b.id };
        backlog.set(of, b.backlogBytes);
        uncertainty.set(of, b.backlogUncertaintyBytes);
        wait.set(of, b.backlogMs / 1000);
        bound.set(of, b.boundMs / 1000);
        capacity.set(of, b.capacityBitsPerSecond);
        rate.set({ ...of, kind: 'commanded' }, b.commandedBitsPerSecond);
        rate.set({ ...of, kind: 'enforced' }, b.enforcedBitsPerSecond);
        rate.set({ ...of, kind: 'measured' }, b.measuredBitsPerSecond);
        rate.set({ ...of, kind: 'cross' }, b.crossBitsPerSecond);
        rate.set({ ...of, kind: 'forecast' }, b.forecastBitsPerSecond);
        // negative: there is no sample yet
        if (b.sampleAgeMs >= 0) age.set(of, b.sampleAgeMs / 1000);
        loop.set(of, b.loopDelayMs / 1000);
        safe.set(of, b.safeMode ? 1 : 0);
      }
    });
  }

  #certificateMetrics(): void {
    const label = ['bottleneck'] as const;
    const value = this.#gauge('steady_lyapunov_value', 'L of the last slot, bytes^2', label);
    const limit = this.#gauge('steady_lyapunov_bound', 'what L was held against, bytes^2', label);
    const drift = this.#gauge('steady_lyapunov_drift', 'change of L in the last slot, bytes^2', label);
    const share = this.#gauge(
      'steady_certificate_proved_ratio',
      'slots that held with a bound below the delay promise, share of all',
      label,
    );
    const radius = this.#gauge('steady_certificate_radius_bytes', 'R, radius of the ball', label);
    const errors = this.#gauge(
      'steady_certificate_error_bytes',
      'what R is the sum of; kind: disturbance, measurement, delay',
      ['bottleneck', 'kind'],
    );
    const capacityError = this.#gauge(
      'steady_path_capacity_error_bytes_per_second',
      'by how much the capacity may be lower than it is believed',
      label,
    );
    const headRoom = this.#gauge(
      'steady_certificate_head_room',
      '1: the head-room rules out any standing queue',
      label,
    );
    const proof = this.#gauge('steady_certificate_light', '1 for the light that is on', [
      'bottleneck',
      'light',
    ]);
    const queue = this.#gauge('steady_real_queue_light', '1 for the light that is on', [
      'bottleneck',
      'light',
    ]);
    const counts = [
      ['steady_certificate_slots_total', 'slots that were judged', 'slots'],
      ['steady_certificate_violations_total', 'the assumptions held and the inequality failed', 'violations'],
      [
        'steady_certificate_vacuous_slots_total',
        'the bound was larger than the delay promise',
        'vacuousSlots',
      ],
      ['steady_certificate_clipped_slots_total', 'the rate was at a limit', 'clippedSlots'],
      [
        'steady_certificate_assumption_broken_slots_total',
        'the assumptions did not hold',
        'assumptionBrokenSlots',
      ],
    ] as const;
    const counters = counts.map(([name, help, member]) => ({
      counter: this.#counter(name, help, label),
      member,
    }));
    this.#refresh.push((view) => {
      const gauges = [value, limit, drift, share, radius, errors, capacityError, headRoom, proof, queue];
      for (const metric of [...gauges, ...counters.map((c) => c.counter)]) metric.reset();
      for (const { id, certificate } of view.bottlenecks) {
        const of = { bottleneck: id };
        value.set(of, certificate.lyapunov);
        limit.set(of, certificate.lyapunovBound);
        drift.set(of, certificate.drift);
        share.set(of, certificate.provedShare);
        radius.set(of, certificate.radiusBytes);
        errors.set({ ...of, kind: 'disturbance' }, certificate.disturbanceBytes);
        errors.set({ ...of, kind: 'measurement' }, certificate.measurementErrorBytes);
        errors.set({ ...of, kind: 'delay' }, certificate.delayErrorBytes);
        capacityError.set(of, certificate.capacityErrorBytesPerSecond);
        headRoom.set(of, certificate.headRoomSuffices ? 1 : 0);
        proof.set({ ...of, light: certificate.light }, 1);
        queue.set({ ...of, light: certificate.realQueue }, 1);
        for (const { counter, member } of counters) counter.inc(of, certificate[member]);
      }
    });
  }

  /** Of shadow mode: what would have been, by the rate that a migration would have sent at. */
  #shadowMetrics(): void {
    const shadow = this.#gauge('steady_shadow_mode', '1: the controller only looks', []);
    const slots = this.#gauge('steady_shadow_slots', 'slots observed in shadow mode', ['link']);
    const labels = ['link', 'rate'] as const;
    const moved = this.#gauge('steady_shadow_moved_bytes', 'a migration would have sent so much', labels);
    const late = this.#gauge(
      'steady_shadow_late_slots',
      'slots in which the promised delay would not have been kept',
      labels,
    );
    const worst = this.#gauge(
      'steady_shadow_worst_delay_seconds',
      'the longest delay that there would have been',
      labels,
    );
    this.#refresh.push(({ mode, bottlenecks }) => {
      shadow.set(mode === 'shadow' ? 1 : 0);
      for (const each of [slots, moved, late, worst]) each.reset();
      for (const { id, shadow: seen } of bottlenecks) {
        if (seen === null) continue;
        slots.set({ link: id }, seen.slots);
        const outcomes = { steady: seen.steady, fixed_share: seen.fixedShare, untouched: seen.untouched };
        for (const [rate, outcome] of Object.entries(outcomes)) {
          moved.set({ link: id, rate }, Number(outcome.movedBytes));
          late.set({ link: id, rate }, outcome.lateSlots);
          worst.set({ link: id, rate }, outcome.worstDelayMs / 1000);
        }
      }
    });
  }

  #splitMetrics(): void {
    const splits = this.#counter('steady_splits_total', 'times the rate was divided among migrations', [
      'bottleneck',
    ]);
    const violations = this.#counter(
      'steady_split_violations_total',
      'the parts were more than the law allowed',
      ['bottleneck'],
    );
    const debt = this.#gauge('steady_migration_debt_bytes', 'behind the plan that the deadline needs', [
      'migration',
      'vm',
    ]);
    const limit = this.#gauge('steady_migration_debt_limit_bytes', 'the debt that the guard makes good', [
      'migration',
      'vm',
    ]);
    this.#refresh.push((view) => {
      for (const metric of [splits, violations, debt, limit]) metric.reset();
      for (const { id, split } of view.bottlenecks) {
        splits.inc({ bottleneck: id }, split.splits);
        violations.inc({ bottleneck: id }, split.violations);
      }
      for (const { id, vm, service, endedAt } of view.migrations) {
        if (service?.deadlineLight == null || endedAt !== null) continue;
        debt.set({ migration: id, vm }, Number(service.debtBytes));
        limit.set({ migration: id, vm }, Number(service.debtLimitBytes));
      }
    });
  }

  #migrationMetrics(): void {
    const migrations = this.#gauge('steady_migrations', 'migrations known, by state', ['state']);
    const remaining = this.#gauge('steady_migration_remaining_bytes', 'memory and disk still to copy', [
      'migration',
      'vm',
    ]);
    const errors = this.#gauge(
      'steady_forecast_error',
      'of completed migrations that are shown, absolute; finish: foretold at half-way, share of the duration; downtime: foretold at the gate, seconds',
      ['of', 'stat'],
    );
    this.#refresh.push((view) => {
      errors.reset();
      const forecasts = view.migrations.map((m) => m.forecast);
      const off = {
        finish: forecasts.map((f) => f?.finishErrorShare ?? null),
        downtime: forecasts.map((f) => secondsOf(f?.downtimeErrorMs ?? null)),
      };
      for (const [of, signed] of Object.entries(off)) {
        const known = signed.flatMap((error) => (error === null ? [] : [Math.abs(error)]));
        if (known.length === 0) continue;
        errors.set({ of, stat: 'mean' }, known.reduce((a, b) => a + b) / known.length);
        errors.set({ of, stat: 'max' }, Math.max(...known));
      }
      migrations.reset();
      remaining.reset();
      for (const state of migrationStates)
        migrations.set({ state }, view.migrations.filter((migration) => migration.state === state).length);
      for (const { id, vm, endedAt, progress } of view.migrations)
        if (endedAt === null)
          remaining.set(
            { migration: id, vm },
            Number(progress.memory.remainingBytes) + Number(progress.disk.remainingBytes),
          );
    });
  }

  #processMetrics(): void {
    const info = this.#gauge('steady_build_info', 'always 1', ['version', 'policy']);
    const uptime = this.#gauge('steady_uptime_seconds', 'since the controller started', []);
    const memory = this.#gauge('process_resident_memory_bytes', 'resident set', []);
    const cpu = this.#counter('process_cpu_seconds_total', 'user and system time', []);
    this.#refresh.push((view) => {
      info.reset();
      info.set({ version: view.version, policy: view.policy }, 1);
      uptime.set(view.uptimeSeconds);
      memory.set(process.memoryUsage.rss());
      const usage = process.cpuUsage();
      cpu.reset();
      cpu.inc((usage.user + usage.system) / 1e6);
    });
  }
}

const dpLabels = ['dp_id', 'dp_name'] as const;
/** Without those that are still in their handshake and have no datapath id. */
const known = (view: SystemView): readonly SwitchView[] => view.switches.filter((s) => s.dpid !== '');
const dpOf = (s: SwitchView) => ({
  dp_id: `0x${BigInt(`0x${s.dpid}`).toString(16)}`,
  dp_name: s.name ?? s.dpid,
});

const secondsOf = (ms: number | null): number | null => (ms === null ? null : ms / 1000);
