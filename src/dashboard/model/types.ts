/** The one place where the page learns the shapes of what it is sent: the schemas of the stream, types only. */
import type {
  AccessJson,
  BottleneckJson,
  CertificateJson,
  CircuitJson,
  EventJson,
  HostJson,
  LinkJson,
  MigrationJson,
  MigrationRequestJson,
  MigrationVerdictJson,
  RuleComparisonJson,
  SwitchJson,
  SystemViewJson,
  VmJson,
} from '../../api/schemas/index.js';

export type AccessView = AccessJson;
export type SystemView = SystemViewJson;
export type SwitchView = SwitchJson;
export type LinkView = LinkJson;
export type BottleneckView = BottleneckJson;
export type CertificateView = CertificateJson;
export type CertificateLight = CertificateJson['light'];
export type QueueLight = CertificateJson['realQueue'];
export type MigrationView = MigrationJson;
export type MigrationState = MigrationJson['state'];
export type VmView = VmJson;
export type EventView = EventJson;
export type HostView = HostJson;
export type CircuitView = CircuitJson;
export type MigrationRequest = MigrationRequestJson;
export type MigrationVerdict = MigrationVerdictJson;
export type RuleComparison = RuleComparisonJson;
export type ComparedRule = RuleComparisonJson['rules'][number];
