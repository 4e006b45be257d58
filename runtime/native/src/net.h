/* What sockets are to the rest of the addon. */
#ifndef FRAMEWRIGHT_NET_H
#define FRAMEWRIGHT_NET_H

#include "addon.h"
#include <netinet/in.h>
#include <sys/socket.h>

/* An address in a JavaScript table: u16 family (4 or 6), u16 port, u32 scope, 16 bytes; in the byte order of the machine
 * but for the bytes of the address itself. The rest is zero. */
#define ADDRESS 32

typedef struct {
  uint16_t family;
  uint16_t port;
  uint32_t scope;
  uint8_t host[16];
  uint8_t rest[8];
} packed_address;

_Static_assert(sizeof(packed_address) == ADDRESS, "an address has 32 bytes");

typedef union {
  struct sockaddr any;
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
} socket_address;

/* Length of the socket address, 0 for an unknown family. */
socklen_t address_unpack(const uint8_t *from, socket_address *to);
void address_of(const socket_address *from, packed_address *to);

/* ---- sources: a table of fixed size from address to a small number, whose oldest entries give way. */

#define WAYS 8

typedef struct {
  packed_address address; /* the last 4 bytes of `rest` are the stamp of its last use; family 0: free */
} source;

typedef struct {
  source *entries;
  uint32_t sets; /* a power of two */
  uint32_t clock;
  uint64_t seed[2];
} sources;

bool sources_init(sources *s, uint32_t capacity);
/* The number of an address; `is_new` when it was given anew. */
uint32_t sources_find(sources *s, const packed_address *address, bool *is_new);

/* ---- sockets */

typedef struct socket_state {
  instance *in;
  uv_poll_t poll;
  int fd;
  int32_t handle;
  int watched;
  bool is_closing;
  bool is_connected;
  bool has_gro;
  bool has_gso;
  /* Segments of this size and above were refused. */
  uint32_t gso_below;
  /* The last read was one of full buffers: fewer of them stay in the cache. */
  bool is_bulky;
  napi_ref callback;
  napi_async_context context;
  sources sources;
} socket_state;

/* NULL after it has thrown. */
socket_state *take_socket(const arguments *a, size_t i);

#endif
