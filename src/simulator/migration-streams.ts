import type { TcpReceiver } from './tcp-receiver.js';
import type { TcpSender } from './tcp-sender.js';

/**
 * One migration's connections, with what travels inside them beside memory pages. Both agents live in one
 * process, so the few words that the streams carry in-band are shared here; each becomes visible to the
 * other side only through bytes that arrived (end mark) or an acknowledgement that came back (resumed).
 */
export class MigrationStreams {
  /** in the order of the command's streams; added by the world that joins the two hosts */
  readonly senders: TcpSender[] = [];
  readonly receivers: TcpReceiver[] = [];
  /** bytes, over all streams, after which nothing more comes; Infinity until the machine has stopped */
  finalBytes = Infinity;
  stoppedAtSeconds = 0;
  /** milliseconds from STOP to RESUME; null until the target has resumed */
  downtimeMs: number | null = null;
  /** the target gave up after the connection was made */
  abandoned = false;
}
