/**
 * What virsh 9.0.0 (Debian 12, libvirt-clients 9.0.0-4+deb12u2) printed with `-q` and LC_ALL=C when it moved a QEMU 7.2 of 64 MiB between two libvirtds of the
 * same version.
 */

/** `domjobinfo --rawstats`, nothing going on */
export const noJobText = 'Job type: 0\n\n';

/** begun, and QEMU not yet asked */
export const startingText = `Job type: 2

operation: 5
time_elapsed: 1479
data_total: 0
data_processed: 0
data_remaining: 0
memory_total: 0
memory_processed: 0
memory_remaining: 0
memory_dirty_rate: 0
memory_iteration: 0
memory_postcopy_requests: 0
disk_total: 0
disk_processed: 0
disk_remaining: 0
`;

/** in its tenth pass, at `--bandwidth 10` */
export const tenthPassText = `Job type: 2

operation: 5
time_elapsed: 8545
downtime: 822
setup_time: 49
data_total: 67395584
data_processed: 84050678
data_remaining: 2101248
memory_total: 67395584
memory_processed: 84050678
memory_remaining: 2101248
memory_bps: 10200407
memory_constant: 8673
memory_normal: 20461
memory_normal_bytes: 83808256
memory_dirty_rate: 2548
memory_iteration: 10
memory_postcopy_requests: 0
memory_page_size: 4096
disk_total: 0
disk_processed: 0
disk_remaining: 0
`;

/** the disk first: half of it at `--bandwidth 8` after 3 s; time, memory_ and disk_ were kept, the rest is as in `startingText` */
export const diskText = `Job type: 2

operation: 5
time_elapsed: 3053
data_total: 0
data_processed: 0
data_remaining: 0
memory_total: 0
memory_processed: 0
memory_remaining: 0
memory_dirty_rate: 0
memory_iteration: 0
memory_postcopy_requests: 0
disk_total: 67108864
disk_processed: 33554432
disk_remaining: 33554432
`;

/** `domjobinfo --completed --rawstats` at the target */
export const completedText = `Job type: 3

operation: 4
time_elapsed: 10286
time_elapsed_net: 10282
downtime: 39
downtime_net: 35
setup_time: 85
data_total: 67395584
data_processed: 45850814
data_remaining: 0
memory_total: 67395584
memory_processed: 45850814
memory_remaining: 0
memory_bps: 5167324
memory_constant: 8673
memory_normal: 11153
memory_normal_bytes: 45682688
memory_dirty_rate: 0
memory_iteration: 18
memory_postcopy_requests: 0
memory_page_size: 4096
disk_total: 0
disk_processed: 0
disk_remaining: 0
`;

export const infoText = `Id:             1
Name:           vm1
UUID:           11111111-2222-4333-8444-555555555555
OS Type:        hvm
State:          running
CPU(s):         1
CPU time:       0.4s
Max memory:     65536 KiB
Used memory:    65536 KiB
Persistent:     no
Autostart:      disable
Managed save:   no
Security model: none
Security DOI:   0
Messages:       tainted: running with undesirable elevated privileges
`;

/** what went to the standard error of calls that failed */
export const errors = {
  noDomain: "error: failed to get domain 'vm1'\n\n",
  noSocket:
    "error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/run/a/libvirt-sock': No such file or directory\n",
  killedDuringCall:
    'error: Disconnected from qemu+unix:///system?socket=/run/a/libvirt-sock due to end of file\nerror: End of file while reading data: Input/output error\n',
  targetGone: 'error: internal error: client socket is closed\n',
  aborted: "error: operation aborted: job 'migration out' canceled by client\n",
  tooLate: 'error: Requested operation is not valid: cannot abort migration in post-copy mode\n',
} as const;
