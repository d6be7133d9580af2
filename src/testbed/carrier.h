/*
 * One direction of a path: policer, FIFO with a rate, delay. The law is that of `CarrierStatistics` in src/network/carrier.ts
 * and of the simulator's carrier. Times are nanoseconds of CLOCK_MONOTONIC.
 *
 * Nothing here looks at a clock: a frame comes with the time at which the kernel took it, and everything up to that time
 * happens first (`carrier_advance`). So the departures do not depend on when the caller was scheduled, as long as it hands in
 * the frames in the order of their arrival and does not advance beyond a frame that it has not handed in yet.
 */
#ifndef STEADY_CARRIER_H
#define STEADY_CARRIER_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HIDDEN_FRAME_BYTES = 1514 };
/* bound of what one direction holds: 1 Gbit/s for half a second */
static const size_t CARRIER_HELD_BYTES = 64u << 20;

struct frame {
  struct frame *next;
  uint64_t due_ns;
  uint32_t length;
  int hidden;
  unsigned char bytes[];
};
struct frames {
  struct frame *head, *tail;
};
struct counts {
  uint64_t arrived_packets, arrived_bytes, forwarded_packets, forwarded_bytes, dropped_packets, dropped_bytes;
  uint64_t policed_packets, policed_bytes, hidden_arrived, hidden_forwarded, hidden_dropped;
  uint64_t backlog_packets, backlog_bytes, hidden_backlog;
  /* no part of the law: frames lost because we had no memory for them; frames that the kernel handed over after later things
     had happened, which count as arriving then, and the worst of those delays */
  uint64_t instrument_dropped, late_arrivals, latest_arrival_ns;
};
struct carrier {
  /* 0: as fast as it comes */
  uint64_t rate_bits;
  uint64_t delay_ns;
  /* of the FIFO, the frame in service included; 0: none */
  uint64_t limit_packets;

  /* token bucket; rate 0: none */
  double police_bytes_per_ns, police_burst_bytes, police_tokens;
  uint64_t police_ns;

  /* hidden traffic; spacing 0: none. Without means of its phases it never pauses */
  double hidden_spacing_ns, hidden_on_ns, hidden_off_ns, hidden_next_ns, hidden_until_ns;
  uint32_t random[4];

  /* everything up to here has happened */
  uint64_t now_ns;
  /* the head is in service and departs then */
  struct frames waiting;
  uint64_t departs_ns;
  /* behind the queue, in the order of their due times */
  struct frames travelling;
  uint64_t last_due_ns;
  size_t held_bytes;
  struct counts counts;
};

static void frames_push(struct frames *list, struct frame *frame) {
  frame->next = NULL;
  if (list->tail != NULL) list->tail->next = frame;
  else list->head = frame;
  list->tail = frame;
}

static struct frame *frames_shift(struct frames *list) {
  struct frame *frame = list->head;
  list->head = frame->next;
  if (list->head == NULL) list->tail = NULL;
  return frame;
}

static void carrier_free(struct carrier *c, struct frame *frame) {
  c->held_bytes -= sizeof *frame + frame->length;
  free(frame);
}

static void carrier_serve(struct carrier *c) {
  const uint64_t bits = 8u * (uint64_t)c->waiting.head->length;
  const uint64_t service = c->rate_bits == 0 ? 0 : (bits * 1000000000u + c->rate_bits / 2) / c->rate_bits;
  c->departs_ns = c->now_ns + service;
}

static void carrier_depart(struct carrier *c) {
  struct frame *frame = frames_shift(&c->waiting);
  c->counts.backlog_packets--;
  c->counts.backlog_bytes -= frame->length;
  if (frame->hidden) {
    c->counts.hidden_backlog--;
    c->counts.hidden_forwarded++;
    carrier_free(c, frame);
  } else {
    c->counts.forwarded_packets++;
    c->counts.forwarded_bytes += frame->length;
    /* the order is kept when the delay has become shorter */
    frame->due_ns = c->now_ns + c->delay_ns > c->last_due_ns ? c->now_ns + c->delay_ns : c->last_due_ns;
    c->last_due_ns = frame->due_ns;
    frames_push(&c->travelling, frame);
  }
  if (c->waiting.head != NULL) carrier_serve(c);
}

static int carrier_full(const struct carrier *c) {
  return c->limit_packets != 0 && c->counts.backlog_packets >= c->limit_packets;
}

static void carrier_enqueue(struct carrier *c, struct frame *frame) {
  const int idle = c->waiting.head == NULL;
  c->counts.backlog_packets++;
  c->counts.backlog_bytes += frame->length;
  frames_push(&c->waiting, frame);
  if (idle) carrier_serve(c);
}

/* NULL: there is no room, which is counted. `bytes` may be NULL. */
static struct frame *carrier_frame(struct carrier *c, const unsigned char *bytes, uint32_t length) {
  const size_t size = sizeof(struct frame) + length;
  struct frame *frame = c->held_bytes + size > CARRIER_HELD_BYTES ? NULL : malloc(size);
  if (frame == NULL) {
    c->counts.instrument_dropped++;
    return NULL;
  }
  c->held_bytes += size;
  frame->length = length;
  frame->hidden = bytes == NULL;
  if (bytes != NULL) memcpy(frame->bytes, bytes, length);
  return frame;
}

/* xoshiro128** (Blackman, Vigna 2021), as src/traffic/random.ts has it */
static double carrier_random(uint32_t s[4]) {
  const uint32_t five = s[1] * 5u, shifted = s[1] << 9;
  const uint32_t result = ((five << 7) | (five >> 25)) * 9u;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = (s[3] << 11) | (s[3] >> 21);
  return result / 4294967296.0;
}

static double carrier_phase(struct carrier *c, double mean_ns) { return -mean_ns * log1p(-carrier_random(c->random)); }

/* An arrival that would fall behind the end of its phase comes one spacing after the next phase begins. */
static void carrier_plan_hidden(struct carrier *c, double wanted_ns) {
  while (c->hidden_on_ns > 0 && wanted_ns > c->hidden_until_ns) {
    const double on_again_ns = c->hidden_until_ns + carrier_phase(c, c->hidden_off_ns);
    c->hidden_until_ns = on_again_ns + carrier_phase(c, c->hidden_on_ns);
    wanted_ns = on_again_ns + c->hidden_spacing_ns;
  }
  c->hidden_next_ns = wanted_ns;
}

static void carrier_hidden_arrives(struct carrier *c) {
  c->counts.hidden_arrived++;
  struct frame *frame = NULL;
  if (carrier_full(c)) c->counts.hidden_dropped++;
  else if ((frame = carrier_frame(c, NULL, HIDDEN_FRAME_BYTES)) != NULL) {
    c->counts.hidden_backlog++;
    carrier_enqueue(c, frame);
  }
  carrier_plan_hidden(c, c->hidden_next_ns + c->hidden_spacing_ns);
}

/* Lets happen what happens up to a time. */
static void carrier_advance(struct carrier *c, uint64_t to_ns) {
  for (;;) {
    const uint64_t departs = c->waiting.head == NULL ? UINT64_MAX : c->departs_ns;
    const uint64_t hidden = c->hidden_spacing_ns == 0 ? UINT64_MAX : (uint64_t)c->hidden_next_ns;
    const uint64_t next = departs <= hidden ? departs : hidden;
    if (next > to_ns) break;
    if (next > c->now_ns) c->now_ns = next;
    if (departs <= hidden) carrier_depart(c);
    else carrier_hidden_arrives(c);
  }
  if (to_ns > c->now_ns) c->now_ns = to_ns;
}

static int carrier_polices(struct carrier *c, uint32_t length) {
  if (c->police_bytes_per_ns == 0) return 0;
  c->police_tokens += (double)(c->now_ns - c->police_ns) * c->police_bytes_per_ns;
  if (c->police_tokens > c->police_burst_bytes) c->police_tokens = c->police_burst_bytes;
  c->police_ns = c->now_ns;
  if (c->police_tokens < length) return 1;
  c->police_tokens -= length;
  return 0;
}

static void carrier_arrive(struct carrier *c, const unsigned char *bytes, uint32_t length, uint64_t at_ns) {
  if (at_ns < c->now_ns) {
    c->counts.late_arrivals++;
    if (c->now_ns - at_ns > c->counts.latest_arrival_ns) c->counts.latest_arrival_ns = c->now_ns - at_ns;
  }
  carrier_advance(c, at_ns);
  c->counts.arrived_packets++;
  c->counts.arrived_bytes += length;
  if (carrier_polices(c, length)) {
    c->counts.policed_packets++;
    c->counts.policed_bytes += length;
  } else if (carrier_full(c)) {
    c->counts.dropped_packets++;
    c->counts.dropped_bytes += length;
  } else {
    struct frame *frame = carrier_frame(c, bytes, length);
    if (frame != NULL) carrier_enqueue(c, frame);
  }
}

/* When the caller must look again: nothing of ours is due before. UINT64_MAX: not before something arrives. */
static uint64_t carrier_next_due(const struct carrier *c) {
  if (c->travelling.head != NULL) return c->travelling.head->due_ns;
  return c->waiting.head == NULL ? UINT64_MAX : c->departs_ns + c->delay_ns;
}

static void carrier_set_hidden(struct carrier *c, double rate_bits, double on_ns, double off_ns, const uint32_t random[4]) {
  c->hidden_spacing_ns = rate_bits == 0 ? 0 : HIDDEN_FRAME_BYTES * 8e9 / rate_bits;
  c->hidden_on_ns = on_ns;
  c->hidden_off_ns = off_ns;
  if (rate_bits == 0) return;
  memcpy(c->random, random, sizeof c->random);
  c->hidden_until_ns = (double)c->now_ns + (on_ns > 0 ? carrier_phase(c, on_ns) : 0);
  carrier_plan_hidden(c, (double)c->now_ns + c->hidden_spacing_ns);
}

static void carrier_set_police(struct carrier *c, double rate_bits, double burst_bytes) {
  c->police_bytes_per_ns = rate_bits / 8e9;
  c->police_burst_bytes = c->police_tokens = burst_bytes;
  c->police_ns = c->now_ns;
}

#endif
