/*
 * A door in the wall of a network namespace: what connects to LISTEN inside the namespace in which this program
 * was started is joined, byte for byte, to CONNECT in the namespace of the open file descriptor 3. The switches
 * of a testbed live in a namespace of their own, the controller does not; this is the control channel, and with a
 * delay it is the control channel of a far site.
 *
 *   control-door LISTEN-IPV4:PORT CONNECT-IPV4:PORT DELAY-MICROSECONDS GUARD-FILE   3</proc/PID/ns/net
 *
 * Each direction holds at most 1 MiB; beyond that the sender waits. The end of one side reaches the other after
 * the bytes before it. Ends on SIGTERM and when the guard file is gone. Prints "ready".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
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

enum { PAIR_LIMIT = 256, CHUNK = 65536, GUARD_PERIOD_MS = 250 };
static const size_t FLOW_LIMIT_BYTES = 1u << 20;

/* Bytes on their way; length 0 is the end of the stream. */
struct chunk {
  struct chunk *next;
  uint64_t due_ns;
  size_t length, sent;
  unsigned char bytes[];
};
struct flow {
  int from, to;
  struct chunk *head, *tail;
  size_t held_bytes;
  int ended;    /* no more from `from` */
  int finished; /* the end was passed on to `to` */
};
struct pair {
  int connecting;
  struct flow flows[2];
};

static struct pair *pairs[PAIR_LIMIT];
static int pair_count = 0;
static uint64_t delay_ns;
static volatile sig_atomic_t stopping = 0;
static void on_signal(int number) {
  (void)number;
  stopping = 1;
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static void die(const char *what) {
  fprintf(stderr, "control-door: %s: %s\n", what, strerror(errno));
  exit(1);
}
static struct sockaddr_in address_of(const char *text) {
  char host[64];
  struct sockaddr_in address = {.sin_family = AF_INET};
  const char *colon = strrchr(text, ':');
  errno = EINVAL;
  if (colon == NULL || (size_t)(colon - text) >= sizeof host) die(text);
  memcpy(host, text, (size_t)(colon - text));
  host[colon - text] = '\0';
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die(text);
  address.sin_port = htons((uint16_t)atoi(colon + 1));
  return address;
}
static void no_delay(int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void close_pair(int index) {
  struct pair *pair = pairs[index];
  for (int i = 0; i < 2; i++) {
    struct chunk *next;
    for (struct chunk *c = pair->flows[i].head; c != NULL; c = next) {
      next = c->next;
      free(c);
    }
    close(pair->flows[i].from);
  }
  free(pair);
  pairs[index] = pairs[--pair_count];
}

static void welcome(int listener, const struct sockaddr_in *target) {
  const int inside = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (inside < 0) return;
  const int outside = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct pair *pair = calloc(1, sizeof *pair);
  const int connected =
      outside < 0 ? -1 : connect(outside, (const struct sockaddr *)target, sizeof *target);
  if (pair == NULL || pair_count == PAIR_LIMIT || (connected < 0 && errno != EINPROGRESS)) {
    free(pair);
    if (outside >= 0) close(outside);
    close(inside);
    return;
  }
  no_delay(inside);
  no_delay(outside);
  pair->connecting = connected < 0;
  pair->flows[0] = (struct flow){.from = inside, .to = outside};
  pair->flows[1] = (struct flow){.from = outside, .to = inside};
  pairs[pair_count++] = pair;
}

/* Returns 0 when the pair is to be closed. */
static int take(struct flow *flow) {
  struct chunk *chunk = malloc(sizeof *chunk + CHUNK);
  if (chunk == NULL) return 0;
  const ssize_t length = recv(flow->from, chunk->bytes, CHUNK, MSG_DONTWAIT);
  if (length < 0) {
    free(chunk);
    return errno == EAGAIN || errno == EINTR;
  }
  *chunk = (struct chunk){.due_ns = now_ns() + delay_ns, .length = (size_t)length};
  struct chunk *fit = realloc(chunk, sizeof *chunk + (size_t)length);
  if (fit != NULL) chunk = fit;
  if (flow->tail != NULL) flow->tail->next = chunk;
  else flow->head = chunk;
  flow->tail = chunk;
  flow->held_bytes += (size_t)length;
  flow->ended = length == 0;
  return 1;
}

static int give(struct flow *flow, uint64_t now) {
  while (flow->head != NULL && flow->head->due_ns <= now) {
    struct chunk *chunk = flow->head;
    if (chunk->length == 0) {
      shutdown(flow->to, SHUT_WR);
      flow->finished = 1;
    } else {
      const ssize_t sent =
          send(flow->to, chunk->bytes + chunk->sent, chunk->length - chunk->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      chunk->sent += (size_t)sent;
      if (chunk->sent < chunk->length) return 1;
    }
    flow->held_bytes -= chunk->length;
    flow->head = chunk->next;
    if (flow->head == NULL) flow->tail = NULL;
    free(chunk);
  }
  return 1;
}

/* Returns 0 when the pair is to be closed: an error on either side, or both directions at their end. */
static int serve(struct pair *pair, const struct pollfd *ready) {
  if (pair->connecting) {
    if (ready[0].revents & (POLLHUP | POLLERR)) return 0;
    if (ready[1].revents == 0) return 1;
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(pair->flows[1].from, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) return 0;
    pair->connecting = 0;
  }
  const uint64_t now = now_ns();
  for (int i = 0; i < 2; i++) {
    struct flow *flow = &pair->flows[i];
    if (ready[i].revents & POLLERR) return 0;
    if ((ready[i].revents & (POLLIN | POLLHUP)) && !flow->ended && flow->held_bytes < FLOW_LIMIT_BYTES)
      if (!take(flow)) return 0;
    if (!give(flow, now)) return 0;
  }
  return !(pair->flows[0].finished && pair->flows[1].finished);
}

/* What to wait for; lowers `next` to the time at which bytes of this pair are due. */
static void watch(const struct pair *pair, struct pollfd *ready, uint64_t *next) {
  for (int i = 0; i < 2; i++) {
    const struct flow *flow = &pair->flows[i];
    ready[i] = (struct pollfd){.fd = flow->from, .events = 0};
    if (!pair->connecting && !flow->ended && flow->held_bytes < FLOW_LIMIT_BYTES) ready[i].events |= POLLIN;
  }
  if (pair->connecting) ready[1].events |= POLLOUT;
  for (int i = 0; i < 2 && !pair->connecting; i++) {
    const struct flow *flow = &pair->flows[i];
    if (flow->head == NULL) continue;
    if (flow->head->sent > 0 || flow->head->due_ns <= now_ns()) ready[1 - i].events |= POLLOUT;
    else if (flow->head->due_ns < *next) *next = flow->head->due_ns;
  }
  /* A side that has ended reports POLLHUP without end; there is nothing more to learn from it. */
  for (int i = 0; i < 2; i++)
    if (ready[i].events == 0 && pair->flows[i].ended) ready[i].fd = -1;
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: control-door LISTEN:PORT CONNECT:PORT DELAY-MICROSECONDS GUARD-FILE\n");
    return 2;
  }
  const struct sockaddr_in here = address_of(argv[1]), there = address_of(argv[2]);
  delay_ns = strtoull(argv[3], NULL, 10) * 1000u;
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  prctl(PR_SET_TIMERSLACK, 1000UL);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  if (listener < 0) die("socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (const struct sockaddr *)&here, sizeof here) < 0 || listen(listener, 64) < 0) die(argv[1]);
  /* The listener stays where it was made; every later socket is on the other side of the wall. */
  if (setns(3, CLONE_NEWNET) < 0) die("setns");
  close(3);
  puts("ready");
  fflush(stdout);

  uint64_t guard_due = 0;
  while (!stopping) {
    static struct pollfd ready[1 + 2 * PAIR_LIMIT];
    uint64_t now = now_ns(), next;
    if (now >= guard_due) {
      struct stat unused;
      if (stat(argv[4], &unused) < 0 && errno == ENOENT) break;
      guard_due = now + GUARD_PERIOD_MS * 1000000u;
    }
    next = guard_due;
    ready[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    const int watched = pair_count;
    for (int i = 0; i < watched; i++) watch(pairs[i], &ready[1 + 2 * i], &next);
    now = now_ns();
    const uint64_t wait = next > now ? next - now : 0;
    const struct timespec timeout = {.tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u)};
    if (ppoll(ready, 1 + 2 * (nfds_t)watched, &timeout, NULL) < 0) {
      if (errno != EINTR) die("poll");
      continue;
    }
    /* From the last to the first: closing one moves the last, already served, into its place. */
    for (int i = watched - 1; i >= 0; i--)
      if (!serve(pairs[i], &ready[1 + 2 * i])) close_pair(i);
    if (ready[0].revents != 0) welcome(listener, &there);
  }
  return 0;
}
