/*
 * Plays one stream of load: UDP packets at prescribed instants.
 *
 *   traffic-sender STREAM ADDRESS PORT  < schedule   > report
 *
 * The schedule comes on stdin as records of 16 bytes in host order (struct packet), in order of time, written
 * some seconds ahead by the parent. Each packet carries struct probe, in host order too: sender and receiver
 * share a machine, only their network namespaces differ, and CLOCK_MONOTONIC is the same for all of them.
 * At the end of the schedule, or on SIGTERM, one JSON line reports what was sent and how late.
 *
 * Why C and not Node, measured on 2 shared cores with 17 Mbit/s of this load: a Node sender was 3.5-11 ms
 * late at p99 (timers of 1 ms, garbage collection; spinning cost a whole core and was worse) and the Node
 * receiver added 1-5 ms at p99 of its own to every one-way delay. This one was 0.1-6 ms late at p99 with nine
 * busy processes beside it, and the kernel's time stamps (traffic-receiver.c) are off by 0.03 ms at p99.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct packet {
  int64_t due_ns; /* CLOCK_MONOTONIC */
  uint32_t sequence;
  uint32_t payload_bytes;
};

#define PROBE_MAGIC 0x53545459u
struct probe {
  uint32_t magic;
  uint32_t stream;
  uint32_t sequence;
  uint32_t reserved;
  int64_t sent_ns; /* CLOCK_MONOTONIC, read just before the packet is handed to the kernel */
};

#define LARGEST_PAYLOAD 1472
#define LATENESS_BIN_NS 10000
#define LATENESS_BINS 20000

static volatile sig_atomic_t stopping;
static void on_signal(int number) {
  (void)number;
  stopping = 1;
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static uint32_t lateness[LATENESS_BINS + 1];
static int64_t latest_ns;
static uint64_t sent, failed;

static void note_lateness(int64_t late_ns) {
  if (late_ns < 0) late_ns = 0;
  int64_t bin = late_ns / LATENESS_BIN_NS;
  lateness[bin < LATENESS_BINS ? bin : LATENESS_BINS]++;
  if (late_ns > latest_ns) latest_ns = late_ns;
}

/* nearest rank, upper edge of the bin, in milliseconds */
static double lateness_ms(double fraction) {
  uint64_t total = sent + failed, seen = 0;
  for (int bin = 0; bin <= LATENESS_BINS; bin++) {
    seen += lateness[bin];
    if (seen > 0 && (double)seen >= fraction * (double)total) {
      double edge = (bin + 1) * (LATENESS_BIN_NS / 1e6);
      return edge < latest_ns / 1e6 ? edge : latest_ns / 1e6;
    }
  }
  return 0;
}

static void report(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"sent\":%llu,\"failed\":%llu,\"latenessMs\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f},\"cpuSeconds\":%.3f}\n",
         (unsigned long long)sent, (unsigned long long)failed, lateness_ms(0.5), lateness_ms(0.99), latest_ns / 1e6, cpu);
  fflush(stdout);
}

/* a whole record from stdin; 0 at the end of the schedule or when asked to stop */
static int next_packet(struct packet *out) {
  static char buffer[65536];
  static size_t from, to;
  while (to - from < sizeof *out) {
    memmove(buffer, buffer + from, to - from);
    to -= from;
    from = 0;
    ssize_t got = read(0, buffer + to, sizeof buffer - to);
    if (got < 0 && errno == EINTR && !stopping) continue;
    if (got <= 0) return 0;
    to += (size_t)got;
  }
  memcpy(out, buffer + from, sizeof *out);
  from += sizeof *out;
  return 1;
}

static void sleep_until(int64_t due_ns) {
  struct timespec t = {due_ns / 1000000000LL, due_ns % 1000000000LL};
  while (!stopping && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) continue;
}

static void send_packet(int fd, const struct sockaddr_in *to, uint32_t stream, const struct packet *packet) {
  static char payload[LARGEST_PAYLOAD];
  size_t length = packet->payload_bytes;
  if (length < sizeof(struct probe)) length = sizeof(struct probe);
  if (length > LARGEST_PAYLOAD) length = LARGEST_PAYLOAD;
  struct probe probe = {PROBE_MAGIC, stream, packet->sequence, 0, now_ns()};
  memcpy(payload, &probe, sizeof probe);
  note_lateness(probe.sent_ns - packet->due_ns);
  if (sendto(fd, payload, length, 0, (const struct sockaddr *)to, sizeof *to) == (ssize_t)length) sent++;
  else failed++;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: traffic-sender STREAM ADDRESS PORT < schedule\n");
    return 2;
  }
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
  if (inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
    fprintf(stderr, "traffic-sender: %s is not an IPv4 address\n", argv[2]);
    return 2;
  }
  struct sigaction act = {.sa_handler = on_signal}; /* no SA_RESTART: a sleep or a read ends at once */
  sigaction(SIGTERM, &act, NULL);
  sigaction(SIGINT, &act, NULL);
  prctl(PR_SET_TIMERSLACK, 1UL); /* the default lets the kernel wake us 50 us late */
  /*
   * Before the load that it measures, as far as allowed: a busy machine woke an ordinary process 85 ms late at
   * p99, a nice one 5 ms (and later still when its session has to share), a real-time one 3 ms. It needs a few
   * per cent of a core.
   */
  struct sched_param lowest = {.sched_priority = 1};
  if (sched_setscheduler(0, SCHED_FIFO, &lowest) != 0) (void)!setpriority(PRIO_PROCESS, 0, -10);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) {
    perror("traffic-sender: socket");
    return 1;
  }
  int bytes = 8 << 20; /* a shaped port must delay the packets, not this program */
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0) /* root only */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  /* not connected: an ICMP "port unreachable" must not turn into a failed send */
  struct packet packet;
  while (!stopping && next_packet(&packet)) {
    if (packet.due_ns > now_ns()) sleep_until(packet.due_ns);
    if (!stopping) send_packet(fd, &to, (uint32_t)strtoul(argv[1], NULL, 10), &packet);
  }
  report();
  return 0;
}
