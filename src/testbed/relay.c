/*
 * A wire with delay: takes Ethernet frames from one interface and gives them to another a fixed time later, in
 * both directions. For kernels without netem.
 *
 *   relay INTERFACE-A INTERFACE-B DELAY-MICROSECONDS GUARD-FILE
 *
 * Each direction is a FIFO of frames with the time at which they are due. The time is counted from the kernel's
 * arrival stamp, so a relay that was scheduled late does not add its lateness. Ends on SIGTERM and when the guard
 * file is gone (its testbed was removed). Prints "ready", and at the end, on standard error, the counters of both directions.
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

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum { FRAME_LIMIT = 9216, SOCKET_BUFFER = 32 << 20, BATCH = 64, GUARD_PERIOD_MS = 250 };
/* bound of one direction: 1 Gbit/s for half a second */
static const size_t LANE_LIMIT_BYTES = 64u << 20;

struct frame {
  struct frame *next;
  uint64_t due_ns;
  uint32_t length;
  unsigned char bytes[];
};
struct lane {
  int in, out;
  const char *name;
  struct frame *head, *tail;
  size_t held_bytes;
  uint64_t forwarded, dropped;
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

/* Takes at most BATCH frames, so that the other direction gets its turn. */
static void take(struct lane *lane, uint64_t delay_ns) {
  static unsigned char buffer[FRAME_LIMIT];
  for (int i = 0; i < BATCH; i++) {
    char control[128];
    struct iovec part = {.iov_base = buffer, .iov_len = sizeof buffer};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    const ssize_t length = recvmsg(lane->in, &message, MSG_DONTWAIT);
    if (length < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      if (errno == ENETDOWN) return; /* the interface was set down: frames may come again */
      die("receive on", lane->name);
    }
    struct frame *frame = NULL;
    if (!(message.msg_flags & MSG_TRUNC) && lane->held_bytes + (size_t)length <= LANE_LIMIT_BYTES)
      frame = malloc(sizeof *frame + (size_t)length);
    if (frame == NULL) {
      lane->dropped++;
      continue;
    }
    const uint64_t age = age_ns(&message);
    frame->next = NULL;
    frame->due_ns = clock_ns(CLOCK_MONOTONIC) + (age < delay_ns ? delay_ns - age : 0);
    frame->length = (uint32_t)length;
    memcpy(frame->bytes, buffer, (size_t)length);
    if (lane->tail != NULL) lane->tail->next = frame;
    else lane->head = frame;
    lane->tail = frame;
    lane->held_bytes += (size_t)length;
  }
}

/* Sends what is due; returns the time at which the next frame is due, UINT64_MAX if there is none. */
static uint64_t give(struct lane *lane) {
  const uint64_t now = clock_ns(CLOCK_MONOTONIC);
  while (lane->head != NULL && lane->head->due_ns <= now) {
    struct frame *frame = lane->head;
    if (send(lane->out, frame->bytes, frame->length, MSG_DONTWAIT) < 0) lane->dropped++;
    else lane->forwarded++;
    lane->head = frame->next;
    if (lane->head == NULL) lane->tail = NULL;
    lane->held_bytes -= frame->length;
    free(frame);
  }
  return lane->head == NULL ? UINT64_MAX : lane->head->due_ns;
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: relay INTERFACE-A INTERFACE-B DELAY-MICROSECONDS GUARD-FILE\n");
    return 2;
  }
  char *end;
  const uint64_t delay_ns = strtoull(argv[3], &end, 10) * 1000u;
  if (*end != '\0') {
    fprintf(stderr, "relay: %s is not a number of microseconds\n", argv[3]);
    return 2;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  prctl(PR_SET_TIMERSLACK, 1000UL);
  const int a = open_interface(argv[1]), b = open_interface(argv[2]);
  struct lane lanes[2] = {{.in = a, .out = b, .name = argv[1]}, {.in = b, .out = a, .name = argv[2]}};
  puts("ready");
  fflush(stdout);

  uint64_t guard_due = 0;
  while (!stopping) {
    uint64_t next = UINT64_MAX;
    for (int i = 0; i < 2; i++) {
      const uint64_t due = give(&lanes[i]);
      if (due < next) next = due;
    }
    const uint64_t now = clock_ns(CLOCK_MONOTONIC);
    if (now >= guard_due) {
      struct stat unused;
      if (stat(argv[4], &unused) < 0 && errno == ENOENT) break;
      guard_due = now + GUARD_PERIOD_MS * 1000000u;
    }
    if (guard_due < next) next = guard_due;
    const uint64_t wait = next > now ? next - now : 0;
    const struct timespec timeout = {.tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u)};
    struct pollfd ready[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    if (ppoll(ready, 2, &timeout, NULL) < 0 && errno != EINTR) die("poll", "");
    for (int i = 0; i < 2; i++)
      if (ready[i].revents != 0) take(&lanes[i], delay_ns);
  }
  for (int i = 0; i < 2; i++)
    fprintf(stderr, "%s forwarded=%llu dropped=%llu\n", lanes[i].name, (unsigned long long)lanes[i].forwarded,
           (unsigned long long)lanes[i].dropped);
  return 0;
}
