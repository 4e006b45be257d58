/* What C does with the same sockets: the bar for the accelerator.
 *   peer receive one|many|gro  SIZE               prints "ready PORT", then "received N SECONDS CPU_SECONDS DISTINCT" after silence
 *   peer send one|many|gso PORT SIZE COUNT        one datagram a call, 64 a call, or runs of 64 joined
 *   peer send peers PORT SIZE COUNT PEERS         one datagram a call from each of PEERS sockets in turn
 *   peer echo sleep|spin COUNT                    prints "ready PORT" and sends COUNT datagrams back
 *   peer ping sleep|spin PORT SIZE COUNT          prints "trip P50 P99", microseconds */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Processor time of this process, seconds. */
static double cpu(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static int open_socket(struct sockaddr_in *at, int is_server) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), big = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof big);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
  if (is_server ? bind(fd, (void *)at, sizeof *at) : connect(fd, (void *)at, sizeof *at)) perror("socket"), exit(1);
  return fd;
}

static void receive(const char *how) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof at;
  int fd = open_socket(&at, 1), one = 1, is_gro = !strcmp(how, "gro");
  int batch = !strcmp(how, "one") ? 1 : is_gro ? 16 : BATCH;
  size_t room = is_gro ? 65536 : 2176;
  if (is_gro) setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one);
  getsockname(fd, (void *)&at, &length);
  printf("ready %d\n", ntohs(at.sin_port));
  fflush(stdout);
  static struct mmsghdr m[BATCH];
  static struct iovec io[BATCH];
  static struct sockaddr_in from[BATCH];
  static char control[BATCH][64];
  static uint32_t seen[65536];
  uint8_t *slab = malloc(room * (size_t)batch);
  long got = 0, distinct = 0;
  double first = 0, last = 0, used = 0, busy = 0;
  for (;;) {
    for (int i = 0; i < batch; i++) {
      io[i] = (struct iovec){slab + room * (size_t)i, room};
      m[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &io[i], .msg_iovlen = 1,
                                     .msg_control = is_gro ? control[i] : NULL, .msg_controllen = is_gro ? 64 : 0};
    }
    int r = recvmmsg(fd, m, (unsigned)batch, MSG_DONTWAIT, NULL);
    if (r <= 0) {
      struct pollfd p = {fd, POLLIN, 0};
      if (poll(&p, 1, got ? 500 : 10000) == 0) break;
      continue;
    }
    last = now();
    if (!got) first = last, used = cpu();
    for (int i = 0; i < r; i++) {
      size_t size = m[i].msg_len;
      for (struct cmsghdr *c = CMSG_FIRSTHDR(&m[i].msg_hdr); c; c = CMSG_NXTHDR(&m[i].msg_hdr, c))
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) size = (size_t) * (int *)CMSG_DATA(c);
      long n = (long)((m[i].msg_len + size - 1) / size);
      if (seen[from[i].sin_port] == 0) distinct++;
      seen[from[i].sin_port] += (uint32_t)n;
      got += n;
    }
  }
  busy = cpu() - used;
  printf("received %ld %.6f %.6f %ld\n", got, last - first, busy, distinct);
}

static void send_all(const char *how, int port, int size, long count, int peers) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  static uint8_t slab[BATCH][2048];
  static struct mmsghdr m[BATCH];
  static struct iovec io[BATCH];
  struct rlimit files = {peers + 64, peers + 64};
  if (peers > 900) setrlimit(RLIMIT_NOFILE, &files);
  int *fds = malloc(sizeof(int) * (size_t)peers);
  for (int i = 0; i < peers; i++) fds[i] = open_socket(&to, 0);
  for (int i = 0; i < BATCH; i++) {
    io[i] = (struct iovec){slab[i], (size_t)size};
    m[i].msg_hdr = (struct msghdr){.msg_iov = &io[i], .msg_iovlen = 1};
  }
  double start = now(), used = cpu();
  long sent = 0;
  if (!strcmp(how, "gso")) setsockopt(fds[0], SOL_UDP, UDP_SEGMENT, &size, sizeof size);
  static uint8_t run[BATCH * 2048];
  while (sent < count) {
    if (!strcmp(how, "many")) {
      int r = sendmmsg(fds[0], m, BATCH, 0);
      if (r > 0) sent += r;
    } else if (!strcmp(how, "gso")) {
      if (send(fds[0], run, (size_t)size * BATCH, 0) > 0) sent += BATCH;
    } else {
      memcpy(slab[0], &sent, sizeof sent);
      if (send(fds[sent % peers], slab[0], (size_t)size, 0) > 0) sent++;
    }
  }
  printf("sent %ld %.6f %.6f\n", sent, now() - start, cpu() - used);
}

static void echo(int is_spin, long count) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof at;
  int fd = open_socket(&at, 1);
  struct timeval patience = {10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  getsockname(fd, (void *)&at, &length);
  printf("ready %d\n", ntohs(at.sin_port));
  fflush(stdout);
  static uint8_t b[2048];
  double until = now() + 20;
  for (long i = 0; i < count; i++) {
    ssize_t n;
    while ((n = recvfrom(fd, b, sizeof b, is_spin ? MSG_DONTWAIT : 0, (void *)&at, &length)) < 0)
      if (!is_spin || now() > until) return;
    sendto(fd, b, (size_t)n, 0, (void *)&at, length);
  }
}

static int by_size(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return d < 0 ? -1 : d > 0;
}

static void ping(int is_spin, int port, int size, long count) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = open_socket(&to, 0);
  static uint8_t b[2048];
  double *trips = malloc(sizeof(double) * (size_t)count), until = now() + 20;
  for (long i = 0; i < count; i++) {
    double start = now();
    send(fd, b, (size_t)size, 0);
    while (recv(fd, b, sizeof b, is_spin ? MSG_DONTWAIT : 0) < 0)
      if (now() > until) return;
    trips[i] = (now() - start) * 1e6;
  }
  qsort(trips, (size_t)count, sizeof *trips, by_size);
  printf("trip %.1f %.1f\n", trips[count / 2], trips[count * 99 / 100]);
}

int main(int argc, char **argv) {
  if (argc > 2 && !strcmp(argv[1], "receive")) receive(argv[2]);
  else if (argc > 3 && !strcmp(argv[1], "echo")) echo(!strcmp(argv[2], "spin"), atol(argv[3]));
  else if (argc > 5 && !strcmp(argv[1], "ping")) ping(!strcmp(argv[2], "spin"), atoi(argv[3]), atoi(argv[4]), atol(argv[5]));
  else if (argc > 5) send_all(argv[2], atoi(argv[3]), atoi(argv[4]), atol(argv[5]), argc > 6 ? atoi(argv[6]) : 1);
  else return 2;
  return 0;
}
