/** What somebody typed into the form of a migration, and the request that it is. Pure. */
import type { HostView, MigrationRequest, SystemView, VmView } from './types.js';

/** As typed: numbers are text here, and empty text is no wish. */
export interface Draft {
  readonly vm: string;
  readonly destination: string;
  readonly deadlineSeconds: string;
  readonly mostMbps: string;
  readonly downtimeLimitMs: string;
  readonly mode: NonNullable<MigrationRequest['mode']>;
  readonly disk: NonNullable<MigrationRequest['disk']>;
}
export type DraftField = keyof Draft;
export type Drafted =
  | { readonly ok: true; readonly request: MigrationRequest }
  | { readonly ok: false; readonly errors: Partial<Record<DraftField, string>> };

export const movableVms = (view: SystemView): VmView[] => view.vms.filter((vm) => vm.migration === null);

export const destinationsOf = (view: SystemView, vm: string): HostView[] => {
  const at = view.vms.find((v) => v.name === vm)?.host;
  return view.hosts.filter((h) => h.role === 'hypervisor' && h.name !== at);
};

/** The first machine that can go somewhere, and where to; undefined: there is none. */
export function firstDraft(view: SystemView): Draft | undefined {
  for (const { name } of movableVms(view)) {
    const [to] = destinationsOf(view, name);
    if (to !== undefined)
      return {
        vm: name,
        destination: to.name,
        deadlineSeconds: '',
        mostMbps: '',
        downtimeLimitMs: '300',
        mode: 'precopy',
        disk: 'none',
      };
  }
  return undefined;
}

/** The draft, mended where the network went on: a machine that left, a host it has come to. */
export function mended(draft: Draft, view: SystemView): Draft {
  if (!movableVms(view).some((v) => v.name === draft.vm)) return draft;
  const places = destinationsOf(view, draft.vm);
  if (places.length === 0 || places.some((h) => h.name === draft.destination)) return draft;
  return { ...draft, destination: places[0]!.name };
}

/** Limits are those of the schema: what it would refuse is told before it is sent. */
export function requestOf(draft: Draft): Drafted {
  const errors: Partial<Record<DraftField, string>> = {};
  const number = (field: DraftField, least: number, most: number): number | undefined => {
    const text = draft[field].trim();
    if (text === '') return undefined;
    const value = Number(text);
    if (Number.isFinite(value) && value >= least && value <= most) return value;
    errors[field] = `a number from ${least} to ${most}`;
    return undefined;
  };
  const deadlineSeconds = number('deadlineSeconds', 0.1, 31_536_000);
  const mostMbps = number('mostMbps', 0.1, 8_000_000);
  const downtimeLimitMs = number('downtimeLimitMs', 1, 600_000);
  if (draft.vm === '') errors.vm = 'no machine is chosen';
  if (draft.destination === '') errors.destination = 'no place is chosen';
  if (Object.keys(errors).length > 0) return { ok: false, errors };
  return {
    ok: true,
    request: {
      vm: draft.vm,
      destination: draft.destination,
      mode: draft.mode,
      disk: draft.disk,
      ...(deadlineSeconds !== undefined && { deadlineSeconds }),
      ...(mostMbps !== undefined && { maxBandwidthBytesPerSecond: (mostMbps * 1e6) / 8 }),
      ...(downtimeLimitMs !== undefined && { downtimeLimitMs }),
    },
  };
}
