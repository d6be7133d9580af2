/*
 * Plays a clip over and over: an MPEG transport stream (ISO/IEC 13818-1) by UDP, seven packets a datagram, paced by
 * its own clock references.
 *
 *   clip-player FILE ADDRESS PORT
 *
 * The second round would begin with the clocks and continuity counters of the first, which a receiver takes for
 * loss. So counters are written anew for every packet, and PCR, PTS and DTS grow by the length of the clip in each
 * round: what arrives is one stream without a seam, and every discontinuity in it is the network's.
 * One video stream, of constant frame rate. Ends on SIGTERM. Also compiled into the guest.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PACKET 188
#define PACKETS_PER_DATAGRAM 7
#define SYNC 0x47
#define NULL_PID 0x1fff
#define PCR_HZ 27000000ULL
#define PCR_PER_PTS 300
#define MOST_PACKETS 1000000L
/* A stop of the sender itself (of the machine that it runs in) is not caught up with a burst. */
#define LATEST_NS 500000000LL

static uint8_t *clip;
static long packets;
static uint64_t *due; /* of each packet, 27 MHz since the first PCR */
static uint64_t length; /* of the clip, 27 MHz */

static void die(const char *what) {
  fprintf(stderr, "clip-player: %s\n", what);
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int pid_of(const uint8_t *p) { return (p[1] & 0x1f) << 8 | p[2]; }
static int has_payload(const uint8_t *p) { return p[3] & 0x10; }
static int has_pcr(const uint8_t *p) { return (p[3] & 0x20) && p[4] >= 7 && (p[5] & 0x10); }

static uint64_t read_pcr(const uint8_t *p) {
  uint64_t base = (uint64_t)p[6] << 25 | p[7] << 17 | p[8] << 9 | p[9] << 1 | p[10] >> 7;
  return base * PCR_PER_PTS + ((p[10] & 1) << 8 | p[11]);
}

static void write_pcr(uint8_t *p, uint64_t pcr) {
  uint64_t base = (pcr / PCR_PER_PTS) & 0x1ffffffffULL, extension = pcr % PCR_PER_PTS;
  p[6] = base >> 25;
  p[7] = base >> 17;
  p[8] = base >> 9;
  p[9] = base >> 1;
  p[10] = (base & 1) << 7 | 0x7e | extension >> 8;
  p[11] = extension;
}

/* 33 bits in five bytes, each part followed by a marker bit (2.4.3.7). */
static uint64_t read_stamp(const uint8_t *s) {
  return (uint64_t)(s[0] >> 1 & 7) << 30 | s[1] << 22 | (s[2] >> 1) << 15 | s[3] << 7 | s[4] >> 1;
}
static void write_stamp(uint8_t *s, uint64_t stamp) {
  s[0] = (s[0] & 0xf0) | (stamp >> 30 & 7) << 1 | 1;
  s[1] = stamp >> 22;
  s[2] = (stamp >> 15 & 0x7f) << 1 | 1;
  s[3] = stamp >> 7;
  s[4] = (stamp & 0x7f) << 1 | 1;
}

/* The PTS of a packet in which a video frame begins, or NULL; a DTS follows it when `flags` has 0x40. */
static uint8_t *stamps_in(uint8_t *p, uint8_t *flags) {
  if (!(p[1] & 0x40) || !has_payload(p)) return NULL;
  int at = 4 + (p[3] & 0x20 ? 1 + p[4] : 0);
  if (at + 19 > PACKET || p[at] != 0 || p[at + 1] != 0 || p[at + 2] != 1 || (p[at + 3] & 0xf0) != 0xe0) return NULL;
  *flags = p[at + 7];
  return *flags & 0x80 ? p + at + 9 : NULL;
}

static void load(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) die("the clip cannot be opened");
  fseek(file, 0, SEEK_END);
  packets = ftell(file) / PACKET;
  rewind(file);
  if (packets < 2 || packets > MOST_PACKETS) die("the clip is too short or too long");
  clip = malloc(packets * PACKET);
  due = calloc(packets, sizeof *due);
  if (clip == NULL || due == NULL || fread(clip, PACKET, packets, file) != (size_t)packets) die("cannot read the clip");
  fclose(file);
}

/* When each packet is due: its place between the clock references before and after it. */
static void schedule(void) {
  long last = -1;
  uint64_t first = 0, at = 0, frames = 0, least = UINT64_MAX, most = 0;
  for (long i = 0; i < packets; i++) {
    uint8_t *p = clip + i * PACKET, flags, *stamp;
    if (p[0] != SYNC) die("this is no transport stream");
    if ((stamp = stamps_in(p, &flags)) != NULL) {
      uint64_t pts = read_stamp(stamp);
      frames++;
      if (pts < least) least = pts;
      if (pts > most) most = pts;
    }
    if (!has_pcr(p)) continue;
    uint64_t pcr = read_pcr(p);
    if (last < 0) first = pcr;
    for (long k = last < 0 ? 0 : last; k < i && last >= 0; k++)
      due[k] = at + (pcr - first - at) * (k - last) / (i - last);
    at = due[i] = pcr - first;
    last = i;
  }
  if (frames < 2 || last < 1) die("the clip has no frames or no clock");
  /* From the first frame to one frame after the last; the tail is as fast as the whole. */
  length = (most - least) * frames / (frames - 1) * PCR_PER_PTS;
  for (long k = last + 1; k < packets; k++) due[k] = due[last] + due[last] / last * (k - last);
}

/* One packet of a round as it is sent. */
static void renew(uint8_t *p, uint64_t shift, uint8_t *counters) {
  int pid = pid_of(p);
  if (pid != NULL_PID) {
    if (has_payload(p)) counters[pid] = (counters[pid] + 1) & 15;
    p[3] = (p[3] & 0xf0) | counters[pid];
  }
  if (has_pcr(p)) write_pcr(p, read_pcr(p) + shift);
  uint8_t flags, *stamp = stamps_in(p, &flags);
  if (stamp == NULL) return;
  write_stamp(stamp, read_stamp(stamp) + shift / PCR_PER_PTS);
  if (flags & 0x40) write_stamp(stamp + 5, read_stamp(stamp + 5) + shift / PCR_PER_PTS);
}

int main(int argc, char **argv) {
  struct sockaddr_in to = {.sin_family = AF_INET};
  if (argc != 4 || inet_aton(argv[2], &to.sin_addr) == 0) die("usage: clip-player FILE ADDRESS PORT");
  to.sin_port = htons(atoi(argv[3]));
  prctl(PR_SET_PDEATHSIG, 15);
  load(argv[1]);
  schedule();
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  if (s < 0) die("socket");
  static uint8_t counters[NULL_PID + 1];
  memset(counters, 15, sizeof counters);
  int64_t begin = now_ns();
  for (uint64_t round = 0;; round++)
    for (long i = 0; i < packets; i += PACKETS_PER_DATAGRAM) {
      long count = packets - i < PACKETS_PER_DATAGRAM ? packets - i : PACKETS_PER_DATAGRAM;
      uint8_t datagram[PACKET * PACKETS_PER_DATAGRAM];
      memcpy(datagram, clip + i * PACKET, count * PACKET);
      for (long k = 0; k < count; k++) renew(datagram + k * PACKET, round * length, counters);
      int64_t at = begin + (int64_t)((double)(round * length + due[i]) * 1e9 / PCR_HZ);
      if (now_ns() - at > LATEST_NS) {
        begin += now_ns() - at;
        at = now_ns();
      }
      struct timespec t = {at / 1000000000LL, at % 1000000000LL};
      while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
      }
      sendto(s, datagram, count * PACKET, 0, (struct sockaddr *)&to, sizeof to);
    }
}
