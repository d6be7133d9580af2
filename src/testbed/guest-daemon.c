/*
 * The one program of the guest (guest-image.ts): a machine that does something, says what, and can prove that
 * it is still the same one after it has moved.
 *
 *   guest-daemon MEGABYTES PAGES_PER_SECOND SET_MEGABYTES QUESTION_PORT COMMAND_PORT ECHO_PORT
 *
 * - fills MEGABYTES with data that does not compress and rewrites PAGES_PER_SECOND of its pages, in turn over
 *   the first SET_MEGABYTES. Every page follows from its number and its generation, and the generations stand
 *   elsewhere in memory: a page that a migration lost is found by `check`.
 * - QUESTION_PORT (UDP): answers questions as vm-packet.ts writes them; the counter is its memory, the "place"
 *   is the boot, so a machine that started anew is another one.
 * - COMMAND_PORT (UDP): `status`, `dirty PAGES_PER_SECOND`, `set PAGES`, `video BITS_PER_SECOND ADDRESS PORT STREAM`
 *   (0: none), `clip ADDRESS PORT`, `clip off`, `check`; one JSON object comes back.
 * - ECHO_PORT (TCP): sends back what it gets; a connection lives as long as the machine.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define WORDS (PAGE / 8)
#define TICK_NS 10000000L
#define FRAMES_PER_SECOND 25
#define VIDEO_PAYLOAD 1316
#define HEADERS 42 /* Ethernet, IPv4, UDP: rates are on the wire */

static uint64_t *memory;
static uint32_t *generation;
static uint64_t pages, set_pages, next_page;
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint64_t dirty_per_second, dirtied, answers, video_bits, video_sent;
static struct sockaddr_in video_to;
static _Atomic uint32_t video_stream;
static pthread_mutex_t video_lock = PTHREAD_MUTEX_INITIALIZER;
static char boot[64] = "guest-";

static void die(const char *what) {
  perror(what);
  fflush(NULL);
  for (;;) pause(); /* the end of init would be a panic and hide the reason */
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sleep_until(int64_t ns) {
  struct timespec t = {ns / 1000000000LL, ns % 1000000000LL};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
  }
}

/* xorshift64 (Marsaglia, "Xorshift RNGs", 2003) from a seed that is never 0. */
static uint64_t seed_of(uint64_t page) {
  return (page + 1) * 0x9e3779b97f4a7c15ULL ^ ((uint64_t)generation[page] << 1 | 1) * 0xbf58476d1ce4e5b9ULL;
}
static uint64_t step(uint64_t x) {
  x ^= x << 13;
  x ^= x >> 7;
  return x ^ x << 17;
}

static void write_page(uint64_t page) {
  uint64_t x = seed_of(page) | 1;
  for (uint64_t *at = memory + page * WORDS, *end = at + WORDS; at < end; at++) *at = x = step(x);
}

static uint64_t count_bad_pages(void) {
  uint64_t bad = 0;
  for (uint64_t page = 0; page < pages; page++) {
    /* A page at a time, so that the dirtier is not held up for the whole walk. */
    pthread_mutex_lock(&memory_lock);
    uint64_t x = seed_of(page) | 1, wrong = 0;
    for (uint64_t *at = memory + page * WORDS, *end = at + WORDS; at < end; at++) wrong |= *at ^ (x = step(x));
    pthread_mutex_unlock(&memory_lock);
    bad += wrong != 0;
  }
  return bad;
}

static void *dirtier(void *unused) {
  int64_t due = now_ns();
  double owed = 0;
  for (;;) {
    sleep_until(due += TICK_NS);
    /* After a stop the clock has jumped or the ticks are late: what was not written then is not owed. */
    if (now_ns() - due > 20 * TICK_NS) due = now_ns();
    owed += (double)dirty_per_second * TICK_NS / 1e9;
    pthread_mutex_lock(&memory_lock);
    for (; owed >= 1; owed--, dirtied++) {
      if (next_page >= set_pages) next_page = 0;
      generation[next_page]++;
      write_page(next_page++);
    }
    pthread_mutex_unlock(&memory_lock);
  }
  return unused;
}

static int udp_socket(uint16_t port) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof at) < 0) die("udp");
  return s;
}

/* Layout of traffic-sender.c, so that the testbed's receiver records it; the clock is the guest's own. */
struct probe {
  uint32_t magic, stream, sequence, reserved;
  int64_t sent_ns;
};

static void *video(void *unused) {
  int s = udp_socket(0);
  char packet[VIDEO_PAYLOAD] = {0};
  int64_t due = now_ns();
  double owed = 0;
  for (;;) {
    sleep_until(due += 1000000000L / FRAMES_PER_SECOND);
    if (now_ns() - due > 1000000000L) due = now_ns();
    if (video_bits == 0) owed = 0;
    owed += (double)video_bits / FRAMES_PER_SECOND / 8 / (VIDEO_PAYLOAD + HEADERS);
    pthread_mutex_lock(&video_lock);
    struct sockaddr_in to = video_to;
    pthread_mutex_unlock(&video_lock);
    for (; owed >= 1; owed--) {
      struct probe head = {0x53545459u, video_stream, (uint32_t)video_sent++, 0, now_ns()};
      memcpy(packet, &head, sizeof head);
      sendto(s, packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to);
    }
  }
  return unused;
}

#define QUESTION 0x53565151u
#define ANSWER 0x53565141u
static void *answer_questions(void *socket) {
  int s = (int)(intptr_t)socket;
  unsigned char packet[256];
  for (;;) {
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t n = recvfrom(s, packet, sizeof packet, 0, (struct sockaddr *)&from, &length);
    uint32_t magic;
    memcpy(&magic, packet, 4);
    if (n < 16 || ntohl(magic) != QUESTION) continue;
    magic = htonl(ANSWER);
    memcpy(packet, &magic, 4);
    uint64_t counter = htobe64(++answers);
    memcpy(packet + 16, &counter, 8);
    memcpy(packet + 24, boot, strlen(boot));
    sendto(s, packet, 24 + strlen(boot), 0, (struct sockaddr *)&from, length);
  }
  return NULL;
}

#define MOST_CLIENTS 8
static int echo_socket(uint16_t port) {
  int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof at) < 0 || listen(s, 4) < 0) die("echo");
  return s;
}

static void *echo(void *socket) {
  struct pollfd fds[1 + MOST_CLIENTS] = {{.fd = (int)(intptr_t)socket, .events = POLLIN}};
  int count = 1;
  for (;;) {
    poll(fds, count, -1);
    for (int i = count - 1; i > 0; i--) {
      if (fds[i].revents == 0) continue;
      char bytes[2048];
      ssize_t n = read(fds[i].fd, bytes, sizeof bytes);
      if (n > 0 && send(fds[i].fd, bytes, n, MSG_NOSIGNAL) == n) continue;
      close(fds[i].fd);
      fds[i] = fds[--count];
    }
    if (fds[0].revents & POLLIN) {
      int client = accept(fds[0].fd, NULL, NULL);
      if (client >= 0 && count <= MOST_CLIENTS)
        fds[count++] = (struct pollfd){.fd = client, .events = POLLIN};
      else if (client >= 0)
        close(client);
    }
  }
  return NULL;
}

static int set_video(const char *arguments) {
  unsigned long bits;
  unsigned port, stream;
  char address[32];
  struct in_addr to;
  if (sscanf(arguments, "%lu %31s %u %u", &bits, address, &port, &stream) != 4 || inet_aton(address, &to) == 0) {
    if (sscanf(arguments, "%lu", &bits) != 1 || bits != 0) return 0;
    video_bits = 0;
    return 1;
  }
  pthread_mutex_lock(&video_lock);
  video_to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = to};
  pthread_mutex_unlock(&video_lock);
  video_stream = stream;
  video_bits = bits;
  return 1;
}

static pid_t player;
static int set_clip(const char *arguments) {
  char address[32], port[8];
  int named = sscanf(arguments, "%31s %7s", address, port);
  if (named != 2 && strncmp(arguments, "off", 3) != 0) return 0;
  if (player > 0) {
    kill(player, SIGTERM);
    waitpid(player, NULL, 0);
    player = 0;
  }
  if (named != 2) return 1;
  player = fork();
  if (player == 0) {
    execl("/clip-player", "clip-player", "/clip.ts", address, port, NULL);
    _exit(127);
  }
  return player > 0;
}

static int obey(char *line, int64_t *bad) {
  unsigned long n;
  if (strcmp(line, "status") == 0) return 1;
  if (sscanf(line, "dirty %lu", &n) == 1) {
    dirty_per_second = n;
    return 1;
  }
  if (sscanf(line, "set %lu", &n) == 1 && n > 0 && n <= pages) {
    pthread_mutex_lock(&memory_lock);
    set_pages = n;
    pthread_mutex_unlock(&memory_lock);
    return 1;
  }
  if (strncmp(line, "video ", 6) == 0) return set_video(line + 6);
  if (strncmp(line, "clip ", 5) == 0) return set_clip(line + 5);
  if (strcmp(line, "check") != 0) return 0;
  *bad = (int64_t)count_bad_pages();
  return 1;
}

static void obey_commands(int s) {
  for (;;) {
    char line[256], answer[1024];
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t n = recvfrom(s, line, sizeof line - 1, 0, (struct sockaddr *)&from, &length);
    if (n < 0) continue;
    line[n] = 0;
    line[strcspn(line, "\r\n")] = 0;
    int64_t bad = -1; /* not asked */
    int size;
    if (obey(line, &bad))
      size = snprintf(answer, sizeof answer,
                      "{\"boot\":\"%s\",\"uptimeSeconds\":%.3f,\"answers\":%lu,\"pages\":%lu,\"setPages\":%lu,"
                      "\"dirtyPagesPerSecond\":%lu,\"dirtiedPages\":%lu,\"videoPackets\":%lu,\"badPages\":%ld}\n",
                      boot, now_ns() / 1e9, answers, pages, set_pages, dirty_per_second, dirtied, video_sent,
                      bad);
    else
      size = snprintf(answer, sizeof answer, "{\"error\":\"no such command\"}\n");
    sendto(s, answer, size, 0, (struct sockaddr *)&from, length);
  }
}

static void start(void *(*work)(void *), intptr_t argument) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, (void *)argument) != 0) die("thread");
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  pages = strtoul(argv[1], NULL, 10) * 1048576 / PAGE;
  dirty_per_second = strtoul(argv[2], NULL, 10);
  set_pages = strtoul(argv[3], NULL, 10) * 1048576 / PAGE;
  if (set_pages == 0 || set_pages > pages) set_pages = pages;
  FILE *id = fopen("/proc/sys/kernel/random/boot_id", "r");
  if (id == NULL || fgets(boot + 6, 9, id) == NULL) die("boot_id");
  fclose(id);
  memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  generation = calloc(pages, sizeof *generation);
  if (memory == MAP_FAILED || generation == NULL) die("memory");
  for (uint64_t page = 0; page < pages; page++) write_page(page);
  /* Whoever reads that it is ready may ask at once. */
  int questions = udp_socket(atoi(argv[4])), commands = udp_socket(atoi(argv[5])), clients = echo_socket(atoi(argv[6]));
  start(dirtier, 0);
  start(video, 0);
  start(answer_questions, questions);
  start(echo, clients);
  printf("guest ready: %s\n", boot);
  fflush(stdout);
  obey_commands(commands);
}
