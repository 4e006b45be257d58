/* UDP sockets: making, binding, readiness through the loop of the context, closing. */
#ifdef __linux__
#include "net.h"
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum { REUSE_PORT = 1, V6_ONLY = 2, GRO = 4, GSO = 8, FLAGS = 15 };
enum { READABLE = 1, WRITABLE = 2 };

socket_state *take_socket(const arguments *a, size_t i) {
  int32_t handle;
  if (!take_i32(a, i, "socket", &handle)) return NULL;
  socket_state *s = table_get(&a->in->sockets, handle);
  if (s == NULL) napi_throw_error(a->env, "ERR_SOCKET_CLOSED", "the socket is closed");
  return s;
}

static void on_closed(uv_handle_t *handle) {
  socket_state *s = handle->data;
  instance *in = s->in;
  /* Not in close_socket, which may run inside of a callback in this context. */
  if (s->context != NULL) napi_async_destroy(in->env, s->context);
  free(s->sources.entries);
  free(s);
  instance_socket_closed(in);
}

static void close_socket(socket_state *s) {
  if (s->is_closing) return;
  s->is_closing = true;
  table_remove(&s->in->sockets, s->handle);
  uv_poll_stop(&s->poll);
  close(s->fd);
  s->fd = -1;
  if (s->callback != NULL) napi_delete_reference(s->in->env, s->callback);
  s->callback = NULL;
  uv_close((uv_handle_t *)&s->poll, on_closed);
}

void sockets_close_all(instance *in) {
  for (uint32_t i = 0; i < in->sockets.size; i++)
    if (in->sockets.slots[i].item != NULL) close_socket(in->sockets.slots[i].item);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static int watch(socket_state *s, int events) {
  int wanted = (events & READABLE ? UV_READABLE : 0) | (events & WRITABLE ? UV_WRITABLE : 0);
  return wanted == 0 ? uv_poll_stop(&s->poll) : uv_poll_start(&s->poll, wanted, on_ready);
}

/* libuv stops polling at an error that waits on the socket, such as what ICMP said, and does not tell which. Taken off the
 * socket it is over. */
static int32_t waiting_error(socket_state *s) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
  int failed = watch(s, s->watched);
  return error != 0 ? -error : failed != 0 ? failed : READABLE;
}

/* The socket is ready, or it failed: calls back with what it is ready for, or with a negative error. */
static void on_ready(uv_poll_t *poll, int status, int events) {
  socket_state *s = poll->data;
  napi_env env = s->in->env;
  napi_handle_scope scope;
  if (s->is_closing || s->callback == NULL || napi_open_handle_scope(env, &scope) != napi_ok) return;
  int32_t what = (events & UV_READABLE ? READABLE : 0) | (events & UV_WRITABLE ? WRITABLE : 0);
  if (status < 0) what = waiting_error(s);
  napi_value callback, self, argument, error;
  if (napi_get_reference_value(env, s->callback, &callback) == napi_ok && napi_get_global(env, &self) == napi_ok &&
      napi_create_int32(env, what, &argument) == napi_ok) {
    bool is_pending = false;
    napi_make_callback(env, s->context, self, callback, 1, &argument, NULL);
    if (napi_is_exception_pending(env, &is_pending) == napi_ok && is_pending &&
        napi_get_and_clear_last_exception(env, &error) == napi_ok)
      napi_fatal_exception(env, error);
  }
  napi_close_handle_scope(env, scope);
}

static int make(int family, uint32_t flags) {
  int one = 1;
  int fd = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int failed = 0;
  if (flags & REUSE_PORT) failed = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
  if (failed == 0 && family == 6 && flags & V6_ONLY) failed = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
  if (failed == 0) return fd;
  failed = -errno;
  close(fd);
  return failed;
}

static bool has_segmentation(int fd) {
  int value;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_UDP, UDP_SEGMENT, &value, &length) == 0;
}

/* openSocket(family, flags, sources, callback): its handle, or a negative error. */
napi_value socket_open(napi_env env, napi_callback_info info) {
  arguments a;
  uint32_t family, flags, capacity;
  napi_valuetype type;
  if (!take(env, info, 4, &a) || !take_u32(&a, 0, 6, "family", &family) || !take_u32(&a, 1, FLAGS, "flags", &flags) ||
      !take_u32(&a, 2, 1 << 20, "sources", &capacity))
    return NULL;
  if (napi_typeof(env, a.value[3], &type) != napi_ok || type != napi_function) {
    napi_throw_type_error(env, NULL, "callback must be a function");
    return NULL;
  }
  uv_loop_t *loop;
  if ((family != 4 && family != 6) || a.in->is_ending || napi_get_uv_event_loop(env, &loop) != napi_ok) return give(env, -EINVAL);
  socket_state *s = calloc(1, sizeof *s);
  if (s == NULL) return give(env, -ENOMEM);
  int fd = make((int)family, flags);
  int failed = fd < 0 ? fd : 0;
  if (failed == 0 && !sources_init(&s->sources, capacity)) failed = -ENOMEM;
  if (failed == 0 && (s->handle = table_add(&a.in->sockets, s)) == 0) failed = -EMFILE;
  if (failed == 0) failed = uv_poll_init_socket(loop, &s->poll, fd);
  if (failed != 0) {
    if (s->handle > 0) table_remove(&a.in->sockets, s->handle);
    if (fd >= 0) close(fd);
    free(s->sources.entries);
    free(s);
    return give(env, failed);
  }
  int one = 1;
  s->in = a.in;
  s->fd = fd;
  s->poll.data = s;
  s->has_gro = flags & GRO && setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one) == 0;
  s->has_gso = flags & GSO && has_segmentation(fd);
  s->gso_below = UINT32_MAX;
  a.in->references++;
  a.in->open_sockets++;
  napi_value name;
  if (napi_create_string_utf8(env, "DatagramSocket", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_async_init(env, NULL, name, &s->context) != napi_ok ||
      napi_create_reference(env, a.value[3], 1, &s->callback) != napi_ok) {
    close_socket(s);
    return give(env, -ENOMEM);
  }
  return give(env, s->handle);
}

static napi_value attach(napi_env env, napi_callback_info info, bool is_bind) {
  arguments a;
  bytes address;
  socket_state *s;
  socket_address to;
  if (!take(env, info, 2, &a) || (s = take_socket(&a, 0)) == NULL || !take_bytes(&a, 1, ADDRESS, "address", &address)) return NULL;
  socklen_t length = address_unpack(address.at, &to);
  if (length == 0) return give(env, -EINVAL);
  int failed = is_bind ? bind(s->fd, &to.any, length) : connect(s->fd, &to.any, length);
  if (failed != 0) return give(env, -errno);
  if (!is_bind) s->is_connected = true;
  return give(env, 0);
}

napi_value socket_bind(napi_env env, napi_callback_info info) { return attach(env, info, true); }

napi_value socket_connect(napi_env env, napi_callback_info info) { return attach(env, info, false); }

/* localAddress(socket, out): 0 or a negative error. */
napi_value socket_local(napi_env env, napi_callback_info info) {
  arguments a;
  bytes out;
  socket_state *s;
  socket_address at;
  socklen_t length = sizeof at;
  if (!take(env, info, 2, &a) || (s = take_socket(&a, 0)) == NULL || !take_bytes(&a, 1, ADDRESS, "out", &out)) return NULL;
  memset(&at, 0, sizeof at);
  if (getsockname(s->fd, &at.any, &length) != 0) return give(env, -errno);
  packed_address p;
  address_of(&at, &p);
  memcpy(out.at, &p, sizeof p);
  return give(env, 0);
}

/* watchSocket(socket, events): calls back while it is ready for them. 0: not at all, and the process may end. */
napi_value socket_watch(napi_env env, napi_callback_info info) {
  arguments a;
  uint32_t events;
  socket_state *s;
  if (!take(env, info, 2, &a) || (s = take_socket(&a, 0)) == NULL || !take_u32(&a, 1, READABLE | WRITABLE, "events", &events))
    return NULL;
  if (s->watched == (int)events) return give(env, 0);
  int failed = watch(s, (int)events);
  if (failed == 0) s->watched = (int)events;
  return give(env, failed);
}

static int set(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : -errno;
}

/* optionOf(socket, option, value): sets it, or reads those that are read only; a negative error. */
napi_value socket_option(napi_env env, napi_callback_info info) {
  enum { SEND_BUFFER, RECEIVE_BUFFER, TYPE_OF_SERVICE, BUSY_POLL, HAS_GRO, HAS_GSO, GSO_BELOW, OPTIONS };
  arguments a;
  uint32_t option, value;
  socket_state *s;
  if (!take(env, info, 3, &a) || (s = take_socket(&a, 0)) == NULL || !take_u32(&a, 1, OPTIONS - 1, "option", &option) ||
      !take_u32(&a, 2, INT32_MAX, "value", &value))
    return NULL;
  int v = (int)value;
  switch (option) {
  case SEND_BUFFER: return give(env, set(s->fd, SOL_SOCKET, SO_SNDBUF, v));
  case RECEIVE_BUFFER: return give(env, set(s->fd, SOL_SOCKET, SO_RCVBUF, v));
  case TYPE_OF_SERVICE: {
    socket_address at;
    socklen_t length = sizeof at;
    if (getsockname(s->fd, &at.any, &length) != 0) return give(env, -errno);
    if (at.any.sa_family == AF_INET) return give(env, set(s->fd, IPPROTO_IP, IP_TOS, v));
    (void)set(s->fd, IPPROTO_IP, IP_TOS, v); /* for IPv4 peers, where it takes them */
    return give(env, set(s->fd, IPPROTO_IPV6, IPV6_TCLASS, v));
  }
  case BUSY_POLL: return give(env, set(s->fd, SOL_SOCKET, SO_BUSY_POLL, v));
  case HAS_GRO: return give(env, s->has_gro);
  case HAS_GSO: return give(env, s->has_gso);
  default: return give(env, (int32_t)(s->gso_below > INT32_MAX ? INT32_MAX : s->gso_below));
  }
}

napi_value socket_close(napi_env env, napi_callback_info info) {
  arguments a;
  int32_t handle;
  if (!take(env, info, 1, &a) || !take_i32(&a, 0, "socket", &handle)) return NULL;
  socket_state *s = table_get(&a.in->sockets, handle);
  if (s != NULL) close_socket(s);
  return NULL;
}
#endif
