/**
 * What happened in one direction of a carrier since it was made. The law, in simulator and testbed alike: a policer (if
 * any) refuses what exceeds its bucket; a FIFO refuses what finds `limit` packets there, the one in service included; a
 * packet of n bytes departs at max(its arrival, the departure before it) + 8 n / rate; then the delay.
 * arrived = forwarded + dropped + policed + backlog - hidden backlog, in packets as in bytes.
 */
export interface CarrierStatistics {
  /** ours: handed in, passed on (out of the queue), refused by the full queue, refused by the policer */
  readonly arrivedPackets: number;
  readonly arrivedBytes: number;
  readonly forwardedPackets: number;
  readonly forwardedBytes: number;
  readonly droppedPackets: number;
  readonly droppedBytes: number;
  readonly policedPackets: number;
  readonly policedBytes: number;
  /** hidden traffic: handed in, passed on (it leaves elsewhere), refused by the full queue */
  readonly hiddenArrivedPackets: number;
  readonly hiddenForwardedPackets: number;
  readonly hiddenDroppedPackets: number;
  /** waiting or in service, hidden traffic included; the delay of the next packet is 8 x this / rate at most */
  readonly backlogPackets: number;
  readonly backlogBytes: number;
  readonly hiddenBacklogPackets: number;
}
