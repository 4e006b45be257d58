/* Sending in batches: sendmmsg, in which a run of datagrams of one size to one peer is one message with UDP_SEGMENT. */
#ifdef __linux__
#include "net.h"
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define MESSAGES 64
#define PARTS 256
/* What every kernel with UDP_SEGMENT takes. */
#define SEGMENTS 64
/* A run as a whole is still a datagram to the kernel. */
#define LONGEST_RUN 65000

typedef struct {
  uint32_t count;
  uint32_t parts;
  struct mmsghdr headers[MESSAGES];
  uint32_t rows[MESSAGES];
  socket_address names[MESSAGES];
  struct iovec iov[PARTS];
  union {
    char room[CMSG_SPACE(sizeof(uint16_t))];
    struct cmsghdr align;
  } controls[MESSAGES];
} outgoing;

typedef struct {
  bytes slab;
  bytes addresses;
  volatile int32_t *offsets;
  volatile int32_t *lengths;
  volatile int32_t *targets;
} rows_of;

typedef struct {
  uint32_t offset;
  uint32_t length;
  uint32_t target;
} row;

/* False for a row that lies outside of the slab or of the addresses. */
static bool read_row(const socket_state *s, const rows_of *from, uint32_t i, row *out) {
  int32_t offset = from->offsets[i], length = from->lengths[i], target = s->is_connected ? 0 : from->targets[i];
  if (offset < 0 || length < 0 || target < 0) return false;
  *out = (row){(uint32_t)offset, (uint32_t)length, (uint32_t)target};
  if ((size_t)offset > from->slab.length || (size_t)length > from->slab.length - (size_t)offset) return false;
  return s->is_connected || (size_t)target < from->addresses.length / ADDRESS;
}

static void segment(outgoing *o, uint32_t m, uint16_t size) {
  struct msghdr *h = &o->headers[m].msg_hdr;
  h->msg_control = &o->controls[m];
  h->msg_controllen = sizeof o->controls[m].room;
  memset(&o->controls[m], 0, sizeof o->controls[m]);
  struct cmsghdr *c = CMSG_FIRSTHDR(h);
  c->cmsg_level = SOL_UDP;
  c->cmsg_type = UDP_SEGMENT;
  c->cmsg_len = CMSG_LEN(sizeof size);
  memcpy(CMSG_DATA(c), &size, sizeof size);
}

/* Adds the message that begins with row `i`; how many rows it takes, 0 when a row is wrong. */
static uint32_t add_message(const socket_state *s, const rows_of *from, uint32_t i, uint32_t end, outgoing *o) {
  row first, next;
  if (!read_row(s, from, i, &first)) return 0;
  uint32_t m = o->count;
  struct msghdr *h = &o->headers[m].msg_hdr;
  *h = (struct msghdr){0};
  if (!s->is_connected) {
    h->msg_namelen = address_unpack(from->addresses.at + (size_t)first.target * ADDRESS, &o->names[m]);
    if (h->msg_namelen == 0) return 0;
    h->msg_name = &o->names[m];
  }
  struct iovec *part = &o->iov[o->parts];
  h->msg_iov = part;
  *part = (struct iovec){from->slab.at + first.offset, first.length};
  uint32_t taken = 1, total = first.length, parts = 1;
  if (s->has_gso && first.length > 0 && first.length < s->gso_below) {
    while (i + taken < end && taken < SEGMENTS && read_row(s, from, i + taken, &next)) {
      if (next.target != first.target || next.length == 0 || next.length > first.length || total + next.length > LONGEST_RUN) break;
      uint8_t *at = from->slab.at + next.offset;
      if ((uint8_t *)part->iov_base + part->iov_len == at) part->iov_len += next.length;
      else if (o->parts + parts == PARTS) break;
      else {
        *++part = (struct iovec){at, next.length};
        parts++;
      }
      total += next.length;
      taken++;
      /* Only the last one may be shorter. */
      if (next.length < first.length) break;
    }
    if (taken > 1) segment(o, m, (uint16_t)first.length);
  }
  h->msg_iovlen = parts;
  o->parts += parts;
  o->rows[m] = taken;
  o->count++;
  return taken;
}

/* A run was refused: for good, not tried again with segments of that size. True when it was such a run. */
static bool stop_segmenting(socket_state *s, const outgoing *o, uint32_t m, int error) {
  if (o->rows[m] < 2 || (error != EINVAL && error != EIO && error != EMSGSIZE)) return false;
  uint16_t size;
  memcpy(&size, CMSG_DATA(CMSG_FIRSTHDR(&o->headers[m].msg_hdr)), sizeof size);
  if (error == EIO || size <= 64) s->has_gso = false;
  else s->gso_below = size;
  return true;
}

/*
 * send(socket, slab, rows, addresses, from, to, failed): how many rows from `from` on are on their way. Fewer than to -
 * from: failed[0] is the error at the next row, EAGAIN when the socket takes no more, and failed[1] how many rows it
 * concerns. `rows` are offsets, lengths and targets, a third each; a target is an entry of `addresses`.
 */
napi_value socket_send(napi_env env, napi_callback_info info) {
  arguments a;
  socket_state *s;
  rows_of rows;
  numbers all, failed;
  uint32_t from, to;
  if (!take(env, info, 7, &a) || (s = take_socket(&a, 0)) == NULL || !take_bytes(&a, 1, 0, "slab", &rows.slab) ||
      !take_numbers(&a, 2, 0, "rows", &all) || !take_bytes(&a, 3, 0, "addresses", &rows.addresses) ||
      !take_u32(&a, 5, (uint32_t)(all.length / 3 > INT32_MAX ? INT32_MAX : all.length / 3), "to", &to) ||
      !take_u32(&a, 4, to, "from", &from) || !take_numbers(&a, 6, 2, "failed", &failed))
    return NULL;
  size_t capacity = all.length / 3;
  rows.offsets = all.at;
  rows.lengths = all.at + capacity;
  rows.targets = all.at + 2 * capacity;
  failed.at[0] = 0;
  failed.at[1] = 0;
  uint32_t done = from;
  while (done < to) {
    outgoing o;
    o.count = 0;
    o.parts = 0;
    uint32_t next = done, taken = 1;
    while (next < to && o.count < MESSAGES && o.parts < PARTS && (taken = add_message(s, &rows, next, to, &o)) > 0) next += taken;
    if (o.count == 0) {
      failed.at[0] = EINVAL;
      failed.at[1] = 1;
      break;
    }
    int sent = sendmmsg(s->fd, o.headers, o.count, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      for (int m = 0; m < sent; m++) done += o.rows[m];
      if ((uint32_t)sent < o.count) continue; /* the next call tells why */
      continue;
    }
    int error = errno;
    if (error == EINTR || stop_segmenting(s, &o, 0, error)) continue;
    failed.at[0] = error == EWOULDBLOCK ? EAGAIN : error;
    failed.at[1] = (int32_t)o.rows[0];
    break;
  }
  return give(env, (int32_t)(done - from));
}

/*
 * sendOne(socket, slab, offset, length): 0, or a negative error. On a connected socket one datagram is sent without tables.
 */
napi_value socket_send_one(napi_env env, napi_callback_info info) {
  arguments a;
  socket_state *s;
  bytes slab;
  int32_t offset, length;
  if (!take(env, info, 4, &a) || (s = take_socket(&a, 0)) == NULL || !take_bytes(&a, 1, 0, "slab", &slab) ||
      !take_i32(&a, 2, "offset", &offset) || !take_i32(&a, 3, "length", &length))
    return NULL;
  if (offset < 0 || length < 0 || (size_t)offset > slab.length || (size_t)length > slab.length - (size_t)offset) {
    napi_throw_range_error(env, "ERR_OUT_OF_RANGE", "the datagram is out of range");
    return NULL;
  }
  for (;;) {
    if (send(s->fd, slab.at + offset, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return give(env, 0);
    if (errno != EINTR) return give(env, errno == EWOULDBLOCK ? -EAGAIN : -errno);
  }
}
#endif
