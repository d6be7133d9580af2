/*
 * Records the packets of traffic-sender.c with the kernel's receive time stamp, so that this process being
 * scheduled late does not enter the one-way delay.
 *
 *   traffic-receiver ADDRESS CAPACITY PORT...      (ADDRESS 0.0.0.0: any; CAPACITY: packets remembered)
 *
 * Says one JSON line when it listens, then answers one line on stdin with one JSON line on stdout:
 *
 *   count                        what has been seen so far
 *   dump STREAM FIRST END FILE   writes the remembered packets of a stream with FIRST <= sequence < END to
 *                                FILE as struct record, in order of arrival
 *
 * Ends when stdin does. When more than CAPACITY packets arrive the oldest are forgotten, and the number of
 * forgotten ones says so. `socketDrops` counts packets that reached this socket and found its buffer full:
 * loss of the instrument, not of the network.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PROBE_MAGIC 0x53545459u
struct probe {
  uint32_t magic;
  uint32_t stream;
  uint32_t sequence;
  uint32_t reserved;
  int64_t sent_ns;
};

struct record {
  uint32_t stream;
  uint32_t sequence;
  int64_t sent_ns;     /* CLOCK_MONOTONIC of the sender */
  int64_t received_ns; /* CLOCK_MONOTONIC, from the kernel's stamp */
};

#define MOST_PORTS 64
static struct record *records;
static uint64_t capacity, received, foreign;
static uint32_t drops[MOST_PORTS];

static int64_t clock_ns(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The kernel stamps CLOCK_REALTIME; what has passed since the stamp is the same on every clock. */
static int64_t monotonic_stamp(struct msghdr *message, int port) {
  int64_t stamped = 0;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type == SCM_TIMESTAMPNS) {
      struct timespec t;
      memcpy(&t, CMSG_DATA(c), sizeof t);
      stamped = t.tv_sec * 1000000000LL + t.tv_nsec;
    } else if (c->cmsg_type == SO_RXQ_OVFL) {
      memcpy(&drops[port], CMSG_DATA(c), sizeof drops[port]);
    }
  }
  int64_t monotonic = clock_ns(CLOCK_MONOTONIC);
  return stamped == 0 ? monotonic : monotonic - (clock_ns(CLOCK_REALTIME) - stamped);
}

static void drain(int fd, int port) {
  char payload[2048], control[256];
  struct iovec piece = {payload, sizeof payload};
  for (int n = 0; n < 1024; n++) { /* then look at the other sockets */
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
    if (length < 0) return;
    struct probe probe;
    int64_t received_ns = monotonic_stamp(&message, port);
    if (length < (ssize_t)sizeof probe || (memcpy(&probe, payload, sizeof probe), probe.magic != PROBE_MAGIC)) {
      foreign++;
      continue;
    }
    records[received++ % capacity] = (struct record){probe.stream, probe.sequence, probe.sent_ns, received_ns};
  }
}

static void answer(long written, const char *error) {
  uint64_t dropped = 0;
  for (int i = 0; i < MOST_PORTS; i++) dropped += drops[i];
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf("{\"error\":%s%s%s,\"written\":%ld,\"received\":%llu,\"forgotten\":%llu,\"foreign\":%llu,"
         "\"socketDrops\":%llu,\"cpuSeconds\":%.3f}\n",
         error ? "\"" : "", error ? error : "null", error ? "\"" : "", written, (unsigned long long)received,
         (unsigned long long)(received > capacity ? received - capacity : 0), (unsigned long long)foreign,
         (unsigned long long)dropped, cpu);
  fflush(stdout);
}

static void dump(const char *path, uint32_t stream, uint32_t first, uint32_t end) {
  FILE *file = fopen(path, "w");
  if (file == NULL) {
    answer(0, "the file cannot be written");
    return;
  }
  long written = 0;
  int whole = 1;
  for (uint64_t i = received > capacity ? received - capacity : 0; i < received; i++) {
    const struct record *r = &records[i % capacity];
    if (r->stream != stream || r->sequence < first || r->sequence >= end) continue;
    whole = whole && fwrite(r, sizeof *r, 1, file) == 1;
    written++;
  }
  whole = fclose(file) == 0 && whole;
  answer(written, whole ? NULL : "the file could not be written to its end");
}

static void obey(const char *line) {
  unsigned stream, first, end;
  int path = 0; /* the rest of the line: a path may hold spaces */
  if (strcmp(line, "count") == 0) answer(0, NULL);
  else if (sscanf(line, "dump %u %u %u %n", &stream, &first, &end, &path) == 3 && path > 0 && line[path] != 0)
    dump(line + path, stream, first, end);
  else answer(0, "unknown command: count, or dump STREAM FIRST END FILE");
}

/* 0 at the end of stdin */
static int read_commands(void) {
  static char line[2048];
  static size_t length;
  ssize_t got = read(0, line + length, sizeof line - 1 - length);
  if (got <= 0) return 0;
  length += (size_t)got;
  line[length] = 0;
  for (char *end; (end = strchr(line, '\n')) != NULL;) {
    *end = 0;
    obey(line);
    length -= (size_t)(end + 1 - line);
    memmove(line, end + 1, length + 1);
  }
  return length < sizeof line - 1;
}

static int open_port(const char *address, const char *port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
  if (inet_pton(AF_INET, address, &at.sin_addr) != 1) return -1;
  int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, bytes = 16 << 20;
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) /* root only */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return bind(fd, (struct sockaddr *)&at, sizeof at) == 0 ? fd : -1;
}

int main(int argc, char **argv) {
  if (argc < 4 || argc - 3 > MOST_PORTS || (capacity = strtoull(argv[2], NULL, 10)) == 0) {
    fprintf(stderr, "usage: traffic-receiver ADDRESS CAPACITY PORT...\n");
    return 2;
  }
  (void)!setpriority(PRIO_PROCESS, 0, -10);
  /* pages are taken as they are first written: a large capacity costs nothing until it is used */
  records = mmap(NULL, capacity * sizeof *records, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (records == MAP_FAILED) {
    perror("traffic-receiver: memory for the records");
    return 1;
  }
  int ports = argc - 3;
  struct pollfd watched[MOST_PORTS + 1];
  for (int i = 0; i < ports; i++) {
    watched[i] = (struct pollfd){.fd = open_port(argv[1], argv[i + 3]), .events = POLLIN};
    if (watched[i].fd < 0) {
      fprintf(stderr, "traffic-receiver: cannot listen on %s port %s\n", argv[1], argv[i + 3]);
      return 1;
    }
  }
  watched[ports] = (struct pollfd){.fd = 0, .events = POLLIN};
  answer(0, NULL);
  for (;;) {
    if (poll(watched, (nfds_t)ports + 1, -1) < 0) continue;
    for (int i = 0; i < ports; i++)
      if (watched[i].revents != 0) drain(watched[i].fd, i);
    if (watched[ports].revents != 0 && !read_commands()) return 0;
  }
}
