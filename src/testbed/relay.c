/*
 * A wire with delay, or a carrier's path: takes Ethernet frames from one interface and gives them to another a fixed time
 * later, in both directions, behind a queue with a rate if there is one (carrier.h). For kernels without netem.
 *
 *   relay INTERFACE-A INTERFACE-B DELAY-MICROSECONDS GUARD-FILE CONTROL-SOCKET [BITS-PER-SECOND LIMIT-PACKETS]
 *
 * All times are counted from the kernel's arrival stamp, so a relay that was scheduled late does not add its lateness, neither
 * to the delay nor to the queue. What a direction is can be changed through the control socket (relay-control.h). Ends on
 * SIGTERM and when the guard file is gone (its testbed was removed). Prints "ready", and at the end, on standard error, the
 * counters of both directions.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "relay-control.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { FRAME_LIMIT = 9216, VLAN_TAG = 4, SOCKET_BUFFER = 32 << 20, BATCH = 64, GUARD_PERIOD_MS = 250 };

struct lane {
  int in, out;
  const char *name;
  /* frames taken, then lost: cut off, or refused by the interface behind */
  uint64_t broken;
};

static volatile sig_atomic_t stopping = 0;
static void on_signal(int number) {
  (void)number;
  stopping = 1;
}

static uint64_t clock_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what, const char *name) {
  fprintf(stderr, "relay: %s %s: %s\n", what, name, strerror(errno));
  exit(1);
}

static int open_interface(const char *name) {
  int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("packet socket for", name);
  const int one = 1, size = SOCKET_BUFFER;
  struct packet_mreq promiscuous = {.mr_ifindex = (int)if_nametoindex(name), .mr_type = PACKET_MR_PROMISC};
  if (promiscuous.mr_ifindex == 0) die("no interface", name);
  if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) < 0) die("ignore outgoing on", name);
  if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) < 0)
    die("promiscuous mode of", name);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0) die("receive buffer of", name);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0) die("send buffer of", name);
  if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) < 0) die("time stamps on", name);
  if (setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof one) < 0) die("tags of frames on", name);
  struct sockaddr_ll address = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = promiscuous.mr_ifindex};
  if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind to", name);
  return fd;
}

/* Nanoseconds since the kernel took the frame; 0 when the stamp is missing or the clock was set meanwhile. */
static uint64_t age_ns(struct msghdr *message) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
    struct timespec stamp;
    memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
    const uint64_t then = (uint64_t)stamp.tv_sec * 1000000000u + (uint64_t)stamp.tv_nsec;
    const uint64_t now = clock_ns(CLOCK_REALTIME);
    return now > then && now - then < 1000000000u ? now - then : 0;
  }
  return 0;
}

/* The kernel takes the VLAN tag off a frame and tells it beside: it is put back. Returns the length of the frame. */
static uint32_t put_tag_back(struct msghdr *message, unsigned char *frame, uint32_t length) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA) continue;
    struct tpacket_auxdata beside;
    memcpy(&beside, CMSG_DATA(c), sizeof beside);
    if (!(beside.tp_status & TP_STATUS_VLAN_VALID) || length < 2 * ETH_ALEN) return length;
    const uint16_t type = beside.tp_status & TP_STATUS_VLAN_TPID_VALID ? beside.tp_vlan_tpid : ETH_P_8021Q;
    const uint16_t tag[2] = {htons(type), htons(beside.tp_vlan_tci)};
    memmove(frame + 2 * ETH_ALEN + sizeof tag, frame + 2 * ETH_ALEN, length - 2 * ETH_ALEN);
    memcpy(frame + 2 * ETH_ALEN, tag, sizeof tag);
    return length + (uint32_t)sizeof tag;
  }
  return length;
}

/* Takes at most BATCH frames, so that the other direction gets its turn; 1: there were no more. */
static int take(struct lane *lane, struct carrier *carrier) {
  static unsigned char buffer[FRAME_LIMIT];
  for (int i = 0; i < BATCH; i++) {
    char control[128];
    struct iovec part = {.iov_base = buffer, .iov_len = sizeof buffer - VLAN_TAG};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    const ssize_t length = recvmsg(lane->in, &message, MSG_DONTWAIT);
    if (length < 0) {
      if (errno == EAGAIN || errno == EINTR) return 1;
      if (errno == ENETDOWN) return 1; /* the interface was set down: frames may come again */
      die("receive on", lane->name);
    }
    if (message.msg_flags & MSG_TRUNC) {
      lane->broken++;
      continue;
    }
    const uint32_t whole = put_tag_back(&message, buffer, (uint32_t)length);
    carrier_arrive(carrier, buffer, whole, clock_ns(CLOCK_MONOTONIC) - age_ns(&message));
  }
  return 0;
}

/* Sends what is due. */
static void give(struct lane *lane, struct carrier *carrier) {
  const uint64_t now = clock_ns(CLOCK_MONOTONIC);
  while (carrier->travelling.head != NULL && carrier->travelling.head->due_ns <= now) {
    struct frame *frame = frames_shift(&carrier->travelling);
    if (send(lane->out, frame->bytes, frame->length, MSG_DONTWAIT) < 0) lane->broken++;
    carrier_free(carrier, frame);
  }
}

/* Frames that were lost in here and not by the law of the carrier; the kernel's count starts again when it is read. */
static uint64_t lost_by_us(struct lane *lane) {
  struct tpacket_stats stats;
  socklen_t size = sizeof stats;
  if (getsockopt(lane->in, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0) lane->broken += stats.tp_drops;
  return lane->broken;
}

static uint64_t number(const char *text, const char *what) {
  char *end;
  errno = 0;
  const uint64_t value = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0) {
    fprintf(stderr, "relay: %s is not a number of %s\n", text, what);
    exit(2);
  }
  return value;
}

static void wait_for_work(const struct lane lanes[2], const struct control *control, uint64_t wait_ns) {
  struct pollfd ready[3 + CLIENT_LIMIT] = {
      {.fd = lanes[0].in, .events = POLLIN}, {.fd = lanes[1].in, .events = POLLIN}, {.fd = control->listener, .events = POLLIN}};
  for (int i = 0; i < CLIENT_LIMIT; i++)
    ready[3 + i] = (struct pollfd){.fd = control->clients[i].fd, .events = POLLIN};
  const struct timespec timeout = {.tv_sec = (time_t)(wait_ns / 1000000000u), .tv_nsec = (long)(wait_ns % 1000000000u)};
  if (ppoll(ready, 3 + CLIENT_LIMIT, &timeout, NULL) < 0 && errno != EINTR) die("poll", "");
}

int main(int argc, char **argv) {
  if (argc != 6 && argc != 8) {
    fprintf(stderr, "usage: relay INTERFACE-A INTERFACE-B DELAY-MICROSECONDS GUARD-FILE CONTROL-SOCKET "
                    "[BITS-PER-SECOND LIMIT-PACKETS]\n");
    return 2;
  }
  struct carrier carriers[2] = {0};
  for (int i = 0; i < 2; i++) {
    carriers[i].delay_ns = number(argv[3], "microseconds") * 1000u;
    if (argc != 8) continue;
    carriers[i].rate_bits = number(argv[6], "bits per second");
    carriers[i].limit_packets = number(argv[7], "packets");
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  prctl(PR_SET_TIMERSLACK, 1000UL);
  const int a = open_interface(argv[1]), b = open_interface(argv[2]);
  struct lane lanes[2] = {{.in = a, .out = b, .name = argv[1]}, {.in = b, .out = a, .name = argv[2]}};
  struct control control;
  if (control_open(&control, argv[5]) < 0) die("control socket", argv[5]);
  puts("ready");
  fflush(stdout);

  uint64_t guard_due = 0;
  while (!stopping) {
    /* Read first: a frame that is taken below has come by then. */
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    uint64_t next = UINT64_MAX;
    int current = 1;
    for (int i = 0; i < 2; i++)
      if (take(&lanes[i], &carriers[i])) carrier_advance(&carriers[i], now);
      else current = 0;
    if (current) {
      control_accept(&control);
      for (int i = 0; i < CLIENT_LIMIT; i++) {
        if (control.clients[i].fd < 0) continue;
        const uint64_t lost[2] = {lost_by_us(&lanes[0]), lost_by_us(&lanes[1])};
        control_serve(&control.clients[i], carriers, lost);
      }
    } else next = 0;
    for (int i = 0; i < 2; i++) {
      give(&lanes[i], &carriers[i]);
      const uint64_t due = carrier_next_due(&carriers[i]);
      if (due < next) next = due;
    }
    if (now >= guard_due) {
      struct stat unused;
      if (stat(argv[4], &unused) < 0 && errno == ENOENT) break;
      guard_due = now + GUARD_PERIOD_MS * 1000000u;
    }
    if (guard_due < next) next = guard_due;
    const uint64_t here = clock_ns(CLOCK_MONOTONIC);
    wait_for_work(lanes, &control, next > here ? next - here : 0);
  }
  for (int i = 0; i < 2; i++) {
    const struct counts *n = &carriers[i].counts;
    fprintf(stderr, "%s forwarded=%" PRIu64 " dropped=%" PRIu64 " lost=%" PRIu64 "\n", lanes[i].name, n->forwarded_packets,
            n->dropped_packets + n->policed_packets, n->instrument_dropped + lost_by_us(&lanes[i]));
  }
  return 0;
}
