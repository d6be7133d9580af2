import type { MigrationRequest, Problem } from '../engine/input.js';
import type { MigrationPreview } from '../engine/migration-preview.js';
import type {
  BottleneckView,
  CircuitView,
  EventView,
  LinkView,
  MigrationView,
  SwitchView,
  SystemView,
  VmView,
} from '../engine/view.js';
import type { ProblemSlug } from './problem-types.js';
import type {
  BottleneckJson,
  CircuitJson,
  EventJson,
  LinkJson,
  MigrationJson,
  MigrationRequestJson,
  MigrationVerdictJson,
  SwitchJson,
  SystemViewJson,
  VmJson,
} from './schemas/index.js';

/**
 * Compiled, never run: the engine's view and the published schemas say the same thing, member by member. If one
 * of them gains, loses or retypes a member and the other does not, this file does not compile.
 */
type Same<View, Schema> = [View] extends [Schema]
  ? [Schema] extends [View]
    ? [keyof View] extends [keyof Schema]
      ? [keyof Schema] extends [keyof View]
        ? true
        : { 'only in the schema': Exclude<keyof Schema, keyof View> }
      : { 'only in the view': Exclude<keyof View, keyof Schema> }
    : { 'schema is not a view': Schema }
  : { 'view is not the schema': View };
const holds = <Result extends true>(): Result | undefined => undefined;

holds<Same<SwitchView, SwitchJson>>();
holds<Same<LinkView, LinkJson>>();
holds<Same<BottleneckView, BottleneckJson>>();
holds<Same<BottleneckView['certificate'], BottleneckJson['certificate']>>();
holds<Same<CircuitView, CircuitJson>>();
holds<Same<VmView, VmJson>>();
holds<Same<EventView, EventJson>>();
holds<Same<MigrationView, MigrationJson>>();
holds<Same<MigrationPreview, MigrationVerdictJson>>();
holds<Same<SystemView, SystemViewJson>>();
/** Whatever the engine refuses with has a line in the list of types. */
holds<Problem['slug'] extends ProblemSlug ? true : Exclude<Problem['slug'], ProblemSlug>>();
/** With its defaults filled in, a body is the engine's request. */
holds<Same<MigrationRequest, Complete>>();
type Defaulted = 'mode' | 'maxBandwidthBytesPerSecond' | 'downtimeLimitMs' | 'disk' | 'dryRun';
type Complete = Omit<MigrationRequestJson, Defaulted> & Required<Pick<MigrationRequestJson, Defaulted>>;
