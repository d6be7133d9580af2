/*
 * Elastic traffic: TCP connections that always have something to send, with a congestion control of choice (which Node has no
 * call for).
 *
 *   bulk-flow sink PORT                                          takes connections and reads what comes
 *   bulk-flow send ADDRESS PORT COUNT CONGESTION MILLISECONDS    sends over COUNT of them; 0 ms: until its stdin ends
 *
 * Both say one line when they are ready: the sink that it listens, the sender that all are connected and it begins now. The
 * sender answers each line on stdin, and the end of its time, with one line of JSON: for every connection the bytes that were
 * acknowledged (TCP_INFO, so what is still in queues does not count), segments sent again, and the round trip times.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FLOW_LIMIT = 256, CHUNK = 1 << 16, NOT_SENT_BYTES = 1 << 17 };

static char chunk[CHUNK];

static double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what) {
  fprintf(stderr, "bulk-flow: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void say(const char *text) {
  puts(text);
  fflush(stdout);
}

static int run_sink(int port) {
  struct pollfd ready[2 + FLOW_LIMIT];
  const int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0) die("socket");
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, FLOW_LIMIT) < 0) die("listen");
  ready[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
  ready[1] = (struct pollfd){.fd = listener, .events = POLLIN};
  nfds_t count = 2;
  say("{}");
  for (;;) {
    /* While all places are taken nobody is let in. */
    ready[1].events = count < 2 + FLOW_LIMIT ? POLLIN : 0;
    if (poll(ready, count, -1) < 0 && errno != EINTR) die("poll");
    if (ready[0].revents != 0 && read(STDIN_FILENO, chunk, sizeof chunk) <= 0) return 0;
    for (nfds_t i = 2; i < count; i++) {
      if (ready[i].revents == 0) continue;
      const ssize_t got = recv(ready[i].fd, chunk, sizeof chunk, MSG_DONTWAIT);
      if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) continue;
      close(ready[i].fd);
      ready[i--] = ready[--count];
    }
    if (ready[1].revents != 0) {
      const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
      if (fd >= 0) ready[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
  }
}

static int open_flow(const struct sockaddr_in *address, const char *congestion) {
  const int low = NOT_SENT_BYTES, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, strlen(congestion)) < 0) die(congestion);
  if (setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &low, sizeof low) < 0) die("not-sent mark");
  if (connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) die("connect");
  return fd;
}

static void report(const struct pollfd *flows, int count, int ended) {
  printf("{\"atSeconds\":%.6f,\"flows\":[", now_seconds());
  for (int i = 0; i < count; i++) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(flows[i].fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0) die("TCP_INFO");
    char congestion[16] = "";
    size = sizeof congestion - 1;
    if (getsockopt(flows[i].fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &size) < 0) die("TCP_CONGESTION");
    printf("%s{\"congestion\":\"%s\",\"ackedBytes\":%llu,\"retransmits\":%u,\"rttMs\":%.3f,\"leastRttMs\":%.3f}",
           i == 0 ? "" : ",", congestion, (unsigned long long)info.tcpi_bytes_acked, info.tcpi_total_retrans,
           info.tcpi_rtt / 1e3, info.tcpi_min_rtt / 1e3);
  }
  say(ended ? "],\"ended\":true}" : "],\"ended\":false}");
}

static int run_sender(char **argv) {
  const int count = atoi(argv[4]);
  const double seconds = atof(argv[6]) / 1000;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3]))};
  struct pollfd ready[1 + FLOW_LIMIT];
  if (inet_pton(AF_INET, argv[2], &address.sin_addr) != 1 || count < 1 || count > FLOW_LIMIT) {
    fprintf(stderr, "bulk-flow: give an IPv4 address and 1 to %d connections\n", FLOW_LIMIT);
    return 2;
  }
  ready[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
  for (int i = 1; i <= count; i++) ready[i] = (struct pollfd){.fd = open_flow(&address, argv[5]), .events = POLLOUT};
  report(ready + 1, count, 0);
  const double end = now_seconds() + seconds;
  for (;;) {
    const double left = seconds > 0 ? end - now_seconds() : 1;
    if (left <= 0) break;
    if (poll(ready, (nfds_t)count + 1, (int)(left * 1000) + 1) < 0 && errno != EINTR) die("poll");
    if (ready[0].revents != 0) {
      const ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);
      if (got <= 0) break;
      for (ssize_t i = 0; i < got; i++)
        if (chunk[i] == '\n') report(ready + 1, count, 0);
    }
    for (int i = 1; i <= count; i++)
      if (ready[i].revents != 0 && send(ready[i].fd, chunk, sizeof chunk, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
          errno != EAGAIN && errno != EINTR)
        die("send");
  }
  report(ready + 1, count, 1);
  return 0;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc == 3 && strcmp(argv[1], "sink") == 0) return run_sink(atoi(argv[2]));
  if (argc == 7 && strcmp(argv[1], "send") == 0) return run_sender(argv);
  fprintf(stderr, "usage: bulk-flow sink PORT | bulk-flow send ADDRESS PORT COUNT CONGESTION MILLISECONDS\n");
  return 2;
}
