/* Receiving in batches: recvmmsg, and of what UDP_GRO joined, the single datagrams.
 *
 * The slab has a dense part, where small datagrams lie close together, and a part with room for the rest of large ones.
 * What spills over from the first into the second is made whole there by moving its head in front of it. */
#ifdef __linux__
#include "net.h"
#include <errno.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

/* Messages of one call, and of one after full buffers. */
#define MESSAGES 64
#define BULKY 16
/* Not a power of two: they would all compete for the same lines of the cache. */
#define SMALL 2176
#define LARGE 65536
/* A message's share of the slab: its dense place, and room for the whole of it. */
#define SHARE (SMALL + LARGE)
/* Segments that the kernel joins at most. */
#define SEGMENTS 128
#define LONGEST_SPIN 1000000

struct receiving {
  uint8_t *slab;
  uint32_t messages;
  struct mmsghdr headers[MESSAGES];
  struct iovec parts[MESSAGES][2];
  socket_address names[MESSAGES];
  union {
    char room[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } controls[MESSAGES];
};

void receiving_free(instance *i) { free(i->receiving); }

static void reset(struct receiving *r, uint32_t i) {
  struct msghdr *h = &r->headers[i].msg_hdr;
  h->msg_namelen = sizeof r->names[i];
  h->msg_controllen = sizeof r->controls[i];
  h->msg_flags = 0;
}

static uint8_t *large_place(const struct receiving *r, uint32_t i) {
  return r->slab + (size_t)r->messages * SMALL + (size_t)i * LARGE;
}

static void lay_out(struct receiving *r, uint8_t *slab, uint32_t messages) {
  if (r->slab == slab && r->messages == messages) return;
  r->slab = slab;
  r->messages = messages;
  for (uint32_t i = 0; i < messages; i++) {
    r->parts[i][0] = (struct iovec){slab + (size_t)i * SMALL, SMALL};
    r->parts[i][1] = (struct iovec){large_place(r, i) + SMALL, LARGE - SMALL};
    r->headers[i].msg_hdr = (struct msghdr){
        .msg_name = &r->names[i], .msg_iov = r->parts[i], .msg_iovlen = 2, .msg_control = &r->controls[i]};
    reset(r, i);
  }
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int read_some(int fd, struct receiving *r, uint32_t messages, uint32_t spin_us) {
  uint64_t until = 0;
  for (;;) {
    int n = recvmmsg(fd, r->headers, messages, MSG_DONTWAIT, NULL);
    if (n >= 0) return n;
    if (errno == EINTR) continue;
    if ((errno != EAGAIN && errno != EWOULDBLOCK) || spin_us == 0) return -errno;
    uint64_t now = now_ns();
    if (until == 0) until = now + (uint64_t)spin_us * 1000;
    if (now >= until) return -EAGAIN;
    /* Whoever else has work for this processor may be the one that is waited for. */
    sched_yield();
  }
}

static uint32_t segment_size(struct msghdr *h, uint32_t whole) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
    if (c->cmsg_level != SOL_UDP || c->cmsg_type != UDP_GRO || c->cmsg_len < CMSG_LEN(sizeof(uint16_t))) continue;
    int size = 0;
    if (c->cmsg_len >= CMSG_LEN(sizeof size)) memcpy(&size, CMSG_DATA(c), sizeof size);
    if (size > 0) return (uint32_t)size;
  }
  return whole;
}

/*
 * receive(socket, slab, rows, fresh, spin): datagrams, or a negative error, -EAGAIN when there is none after `spin`
 * microseconds. `rows` are offsets, then lengths, then sources, a third each. A source is its number, or ~number where its
 * address is new: then the next entry of `fresh` is the address.
 */
napi_value socket_receive(napi_env env, napi_callback_info info) {
  arguments a;
  socket_state *s;
  bytes slab, fresh;
  numbers rows;
  uint32_t spin_us;
  if (!take(env, info, 5, &a) || (s = take_socket(&a, 0)) == NULL || !take_bytes(&a, 1, SHARE, "slab", &slab) ||
      !take_numbers(&a, 2, 3 * SEGMENTS, "rows", &rows) || !take_bytes(&a, 3, ADDRESS, "fresh", &fresh) ||
      !take_u32(&a, 4, LONGEST_SPIN, "spin", &spin_us))
    return NULL;
  uint32_t capacity = (uint32_t)(rows.length / 3 > INT32_MAX ? INT32_MAX : rows.length / 3);
  uint32_t messages = slab.length / SHARE < MESSAGES ? (uint32_t)(slab.length / SHARE) : MESSAGES;
  struct receiving *r = a.in->receiving;
  if (r == NULL && (r = a.in->receiving = calloc(1, sizeof *r)) == NULL) return give(env, -ENOMEM);
  lay_out(r, slab.at, messages);
  uint32_t most = s->is_bulky && messages > BULKY ? BULKY : messages;
  if (most > capacity / (s->has_gro ? SEGMENTS : 1)) most = capacity / (s->has_gro ? SEGMENTS : 1);
  if (most > fresh.length / ADDRESS) most = (uint32_t)(fresh.length / ADDRESS);
  int got = read_some(s->fd, r, most, spin_us);
  if (got < 0) return give(env, got);

  volatile int32_t *offsets = rows.at;
  volatile int32_t *lengths = rows.at + capacity;
  volatile int32_t *from = rows.at + 2 * (size_t)capacity;
  uint32_t count = 0, news = 0, large = 0, last = 0;
  packed_address before = {0};
  for (uint32_t i = 0; i < (uint32_t)got; i++) {
    uint32_t length = r->headers[i].msg_len;
    uint32_t segment = s->has_gro ? segment_size(&r->headers[i].msg_hdr, length) : length;
    uint8_t *at = r->parts[i][0].iov_base;
    if (length > SMALL) {
      at = large_place(r, i);
      memcpy(at, r->parts[i][0].iov_base, SMALL);
      large++;
    }
    packed_address address;
    address_of(&r->names[i], &address);
    bool is_new = false;
    if (i == 0 || memcmp(&address, &before, sizeof address) != 0) {
      last = sources_find(&s->sources, &address, &is_new);
      before = address;
    }
    if (is_new) memcpy(fresh.at + (size_t)news++ * ADDRESS, &address, sizeof address);
    uint32_t offset = (uint32_t)(at - slab.at);
    uint32_t left = length;
    /* An empty datagram is one, too. */
    do {
      if (count == capacity) break;
      uint32_t size = left < segment ? left : segment;
      offsets[count] = (int32_t)offset;
      lengths[count] = (int32_t)size;
      from[count] = is_new ? ~(int32_t)last : (int32_t)last;
      is_new = false;
      offset += size;
      left -= size;
      count++;
    } while (left > 0);
    reset(r, i);
  }
  s->is_bulky = large * 2 > (uint32_t)got;
  return give(env, (int32_t)count);
}
#endif
