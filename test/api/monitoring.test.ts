import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Metrics } from '../../src/api/metrics.js';
import { bottleneckView, migrationOf, viewOf } from './fake-application.js';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly description: string };
}
interface Panel {
  readonly title: string;
  readonly type: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
const read = (name: string): string => readFileSync(`monitoring/${name}`, 'utf8');
const rules = (parse(read('rules.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap((g) => g.rules);
const dashboard = JSON.parse(read('grafana.json')) as {
  panels: Panel[];
  templating: { list: { query: string }[] };
};
const targets = dashboard.panels.flatMap((panel) => panel.targets ?? []);

/** Names and labels of everything that a controller exports which has something to tell of each. */
async function exported(): Promise<Map<string, Set<string>>> {
  const metrics = new Metrics();
  const service = {
    weight: 1,
    plannedBitsPerSecond: 1e6,
    debtBytes: '1',
    debtLimitBytes: '2',
    plannedBytes: '3',
    sentBytes: '2',
    deadlineLight: 'kept',
    promisedFinish: null,
    advice: 'none',
    rungs: [{ rung: 'none', pass: 0 }],
    cutOver: null,
  } as const;
  const view = viewOf({
    migrations: [migrationOf({ deadlineSeconds: 60, service })],
    bottlenecks: [bottleneckView({ safeMode: true })],
    lldpAlarms: [
      { cause: 'forged', dpid: '0000000000000001', portNumber: 1, alarms: 1, frames: 1, detail: '' },
    ],
  });
  metrics.observe(viewOf({ switches: [] }));
  metrics.observe(view);
  metrics.observe(viewOf({ switches: [] }));
  const known = new Map<string, Set<string>>([['up', new Set(['job', 'instance'])]]);
  for (const line of (await metrics.text(view, 0)).split('\n')) {
    const type = /^# TYPE (\S+)/.exec(line)?.[1];
    if (type !== undefined) known.set(type, new Set());
    const sample = /^([a-z_]+)\{(.*)\}/.exec(line);
    for (const [, label] of sample?.[2]?.matchAll(/(\w+)="/g) ?? []) known.get(sample![1]!)!.add(label!);
  }
  return known;
}

/** What an expression asks for: metrics, each with the labels that it is selected by. */
function asked(expr: string): { name: string; labels: string[] }[] {
  const bare = expr.replace(/\b(by|ignoring|on|without)\s*\([^)]*\)/g, '');
  const names = bare.matchAll(/\b((?:steady|of|dp|port|process)_[a-z_]+|up)\b(?:\{([^}]*)\})?/g);
  return [...names].map(([, name, selector]) => ({
    name: name!,
    labels: [...(selector ?? '').matchAll(/(\w+)\s*(?:=~|!=|!~|=)/g)].map((m) => m[1]!),
  }));
}

describe('what is monitored', () => {
  const expressions = [
    ...rules.map((r) => [r.alert, r.expr] as const),
    ...targets.map((t) => [t.expr, t.expr] as const),
    ...dashboard.templating.list
      .filter((v) => v.query !== 'prometheus')
      .map((v) => [v.query, v.query] as const),
  ];
  it.each(expressions)('is exported, by the labels it is asked for: %s', async (_, expr) => {
    const known = await exported();
    const metrics = asked(expr);
    expect(metrics.length).toBeGreaterThan(0);
    for (const { name, labels } of metrics) {
      expect([...known.keys()]).toContain(name);
      for (const label of labels) expect([...known.get(name)!], name).toContain(label);
    }
  });

  it('is named by labels that exist, in alerts and legends', async () => {
    const known = await exported();
    const named = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((m) => m[1]!);
    const check = (expr: string, labels: readonly string[]) => {
      const has = new Set(asked(expr).flatMap(({ name }) => [...known.get(name)!]));
      for (const label of labels) expect([...has], expr).toContain(label);
    };
    for (const { expr, annotations } of rules)
      check(expr, named(annotations.summary + annotations.description, /\$labels\.(\w+)/g));
    for (const { expr, legendFormat } of targets) check(expr, named(legendFormat, /\{\{(\w+)\}\}/g));
  });

  it('says on each panel why it may be empty', () => {
    const drawn = dashboard.panels.filter((panel) => panel.type !== 'row');
    expect(drawn.length).toBeGreaterThan(15);
    for (const panel of drawn)
      expect(panel, panel.title).toMatchObject({
        fieldConfig: { defaults: { noValue: expect.stringMatching(/./) } },
      });
  });

  it('finds a metric that nobody exports', async () => {
    expect((await exported()).has('steady_queue_backlog_byte')).toBe(false);
    expect(asked('rate(steady_queue_backlog_byte{bottleneck="x"}[1m]) > 0')).toEqual([
      { name: 'steady_queue_backlog_byte', labels: ['bottleneck'] },
    ]);
  });
});
