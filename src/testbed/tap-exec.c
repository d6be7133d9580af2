/*
 * Starts a program with an open TAP device of another network namespace.
 *
 *   tap-exec NAMESPACE_FILE DEVICE FD PROGRAM ARGUMENT...
 *
 * A virtual machine of the testbed sends its migration from its hypervisor's namespace, but its network card is a
 * port of the switch, which is a device in the switch's namespace. A TAP device is found by name in the namespace
 * of the process that opens /dev/net/tun; once open, the descriptor works from everywhere. No virtio header is asked
 * for, so the guest is offered no checksum or segmentation offload: Open vSwitch reads such ports by packet sockets
 * and would pass frames on without a checksum.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void die(const char *what) {
  perror(what);
  exit(1);
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: tap-exec NAMESPACE_FILE DEVICE FD PROGRAM ARGUMENT...\n");
    return 2;
  }
  int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  int there = open(argv[1], O_RDONLY | O_CLOEXEC);
  if (home < 0 || there < 0) die(argv[1]);
  if (setns(there, CLONE_NEWNET) < 0) die("setns");
  int tap = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (tap < 0) die("/dev/net/tun");
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  strncpy(request.ifr_name, argv[2], IFNAMSIZ - 1);
  if (ioctl(tap, TUNSETIFF, &request) < 0) die(argv[2]);
  if (setns(home, CLONE_NEWNET) < 0) die("setns");
  int wanted = atoi(argv[3]);
  if (tap != wanted && (dup2(tap, wanted) < 0 || close(tap) < 0)) die("dup2");
  execvp(argv[4], argv + 4);
  die(argv[4]);
}
