/*
 * Commands for the two directions of a relay, over a unix stream socket: one line each, answered by one line of JSON.
 *
 *   rate a BITS-PER-SECOND          0: no limit           delay a MICROSECONDS
 *   limit a PACKETS                 0: no limit           stats a
 *   police a BITS-PER-SECOND BURST-BYTES                  rate 0: no policer
 *   hidden a BITS-PER-SECOND [ON-SECONDS OFF-SECONDS R0 R1 R2 R3]    rate 0: none; R: state of the generator
 *
 * `a` is the direction from the first interface to the second, `b` the other one.
 */
#ifndef STEADY_RELAY_CONTROL_H
#define STEADY_RELAY_CONTROL_H

#include <inttypes.h>
#include <stdio.h>
#include <sys/un.h>
#include "carrier.h"

enum { CLIENT_LIMIT = 8, LINE_LIMIT = 256 };

struct client {
  int fd;
  size_t length;
  char line[LINE_LIMIT];
};
struct control {
  int listener;
  struct client clients[CLIENT_LIMIT];
};

static void control_stats(const struct carrier *c, uint64_t lost, char *answer, size_t size) {
  const struct counts *n = &c->counts;
  snprintf(answer, size,
           "{\"error\":null,\"atSeconds\":%.9f,\"arrivedPackets\":%" PRIu64 ",\"arrivedBytes\":%" PRIu64
           ",\"forwardedPackets\":%" PRIu64 ",\"forwardedBytes\":%" PRIu64 ",\"droppedPackets\":%" PRIu64
           ",\"droppedBytes\":%" PRIu64 ",\"policedPackets\":%" PRIu64 ",\"policedBytes\":%" PRIu64
           ",\"hiddenArrivedPackets\":%" PRIu64 ",\"hiddenForwardedPackets\":%" PRIu64
           ",\"hiddenDroppedPackets\":%" PRIu64 ",\"backlogPackets\":%" PRIu64 ",\"backlogBytes\":%" PRIu64
           ",\"hiddenBacklogPackets\":%" PRIu64 ",\"instrumentDroppedPackets\":%" PRIu64 ",\"lateArrivals\":%" PRIu64
           ",\"latestArrivalMs\":%.6f}\n",
           (double)c->now_ns / 1e9, n->arrived_packets, n->arrived_bytes, n->forwarded_packets, n->forwarded_bytes,
           n->dropped_packets, n->dropped_bytes, n->policed_packets, n->policed_bytes, n->hidden_arrived,
           n->hidden_forwarded, n->hidden_dropped, n->backlog_packets, n->backlog_bytes, n->hidden_backlog,
           n->instrument_dropped + lost, n->late_arrivals, (double)n->latest_arrival_ns / 1e6);
}

/* NULL: done, else what is wrong. The carriers stand at the present. */
static const char *control_apply(struct carrier *c, const char *verb, int count, const double v[7]) {
  for (int i = 0; i < count; i++)
    if (!(v[i] >= 0 && v[i] < 1e15)) return "a value is out of range";
  if (strcmp(verb, "rate") == 0 && count == 1) c->rate_bits = (uint64_t)(v[0] + 0.5);
  else if (strcmp(verb, "delay") == 0 && count == 1) c->delay_ns = (uint64_t)(v[0] * 1000 + 0.5);
  else if (strcmp(verb, "limit") == 0 && count == 1) c->limit_packets = (uint64_t)v[0];
  else if (strcmp(verb, "police") == 0 && count == 2) carrier_set_police(c, v[0], v[1]);
  else if (strcmp(verb, "hidden") == 0 && (count == 1 || count == 7)) {
    uint32_t random[4] = {0};
    for (int i = 0; i < 4; i++) random[i] = count == 7 ? (uint32_t)v[3 + i] : 0;
    carrier_set_hidden(c, v[0], count == 7 ? v[1] * 1e9 : 0, count == 7 ? v[2] * 1e9 : 0, random);
  } else return "no such command";
  return NULL;
}

/* @param lost packets that the socket of each direction could not hold */
static void control_answer(struct carrier carriers[2], const uint64_t lost[2], const char *line, char *answer, size_t size) {
  char verb[16], direction[4];
  double v[7];
  const int fields = sscanf(line, "%15s %3s %lf %lf %lf %lf %lf %lf %lf", verb, direction, &v[0], &v[1], &v[2], &v[3],
                            &v[4], &v[5], &v[6]);
  const char *error = "write: VERB a|b VALUES";
  if (fields >= 2 && (strcmp(direction, "a") == 0 || strcmp(direction, "b") == 0)) {
    const int i = direction[0] - 'a';
    if (strcmp(verb, "stats") == 0) {
      control_stats(&carriers[i], lost[i], answer, size);
      return;
    }
    error = control_apply(&carriers[i], verb, fields - 2, v);
  }
  if (error == NULL) snprintf(answer, size, "{\"error\":null,\"atSeconds\":%.9f}\n", (double)carriers[0].now_ns / 1e9);
  else snprintf(answer, size, "{\"error\":\"%s\"}\n", error);
}

static int control_open(struct control *control, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return -1;
  strcpy(address.sun_path, path);
  for (int i = 0; i < CLIENT_LIMIT; i++) control->clients[i].fd = -1;
  control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (control->listener < 0) return -1;
  if (bind(control->listener, (struct sockaddr *)&address, sizeof address) < 0) return -1;
  return listen(control->listener, CLIENT_LIMIT);
}

static void control_accept(struct control *control) {
  const int fd = accept4(control->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  for (int i = 0; i < CLIENT_LIMIT; i++) {
    struct client *client = &control->clients[i];
    if (client->fd >= 0) continue;
    client->fd = fd;
    client->length = 0;
    return;
  }
  close(fd);
}

/* Reads what is there and answers its full lines. */
static void control_serve(struct client *client, struct carrier carriers[2], const uint64_t lost[2]) {
  const ssize_t got = read(client->fd, client->line + client->length, sizeof client->line - 1 - client->length);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  int broken = got <= 0;
  if (!broken) client->length += (size_t)got;
  client->line[client->length] = '\0';
  for (char *end; !broken && (end = strchr(client->line, '\n')) != NULL;) {
    char answer[1024];
    *end = '\0';
    control_answer(carriers, lost, client->line, answer, sizeof answer);
    if (send(client->fd, answer, strlen(answer), MSG_NOSIGNAL) < 0) broken = 1;
    client->length -= (size_t)(end + 1 - client->line);
    memmove(client->line, end + 1, client->length + 1);
  }
  if (broken || client->length == sizeof client->line - 1) {
    close(client->fd);
    client->fd = -1;
  }
}

#endif
