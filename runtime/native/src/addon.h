/* What the parts of the addon share: the state of one JavaScript context, tables of handles, checked arguments.
 * There is no static state: the addon may be loaded in several worker threads at once. */
#ifndef FRAMEWRIGHT_ADDON_H
#define FRAMEWRIGHT_ADDON_H

#define NAPI_VERSION 8
#define _GNU_SOURCE
#include <node_api.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Handles are positive integers: an index into a table and the generation of its slot, so that an old handle is not taken
 * for a new thing. */
#define INDEX_BITS 20
#define GENERATIONS 2047

typedef struct {
  void *item; /* NULL: free */
  uint32_t generation;
  uint32_t next_free;
} slot;

typedef struct {
  slot *slots;
  uint32_t size;
  uint32_t free;
} table;

/* The handle of `item`, or 0 when there is no room. */
int32_t table_add(table *t, void *item);
/* NULL for a handle that is not in use. */
void *table_get(const table *t, int32_t handle);
void table_remove(table *t, int32_t handle);

enum { AES_256_GCM, AES_128_GCM, CHACHA20_POLY1305, XCHACHA20_POLY1305, ALGORITHMS };

struct receiving; /* receive.c */
struct seats;     /* aead.c */

/* One JavaScript context. Lives until it and everything that has a finalizer or an open handle is gone. */
typedef struct {
  napi_env env;
  uint32_t references;
  table sockets;
  table keys;
  EVP_CIPHER *ciphers[ALGORITHMS];
  struct receiving *receiving;
  struct seats *seats;
  napi_async_cleanup_hook_handle hook;
  uint32_t open_sockets;
  bool is_ending;
} instance;

void instance_release(instance *i);
void seats_free(instance *i);
/* A socket is closed for good: the context may end when it was the last. */
void instance_socket_closed(instance *i);

/* ---- arguments. Each gives false after it has thrown. */

#define MOST_ARGUMENTS 8

typedef struct {
  napi_env env;
  instance *in;
  napi_value value[MOST_ARGUMENTS];
} arguments;

typedef struct {
  uint8_t *at;
  size_t length;
} bytes;

typedef struct {
  volatile int32_t *at; /* read once: its memory may be shared with other threads */
  size_t length;
} numbers;

bool take(napi_env env, napi_callback_info info, size_t count, arguments *out);
bool take_u32(const arguments *a, size_t i, uint32_t most, const char *name, uint32_t *out);
bool take_i32(const arguments *a, size_t i, const char *name, int32_t *out);
bool take_bytes(const arguments *a, size_t i, size_t least, const char *name, bytes *out);
bool take_numbers(const arguments *a, size_t i, size_t least, const char *name, numbers *out);
napi_value give(napi_env env, int32_t value);

/* True when start..end lies within `length`. */
static inline bool is_range(int32_t start, int32_t end, size_t length) {
  return start >= 0 && end >= start && (size_t)end <= length;
}

/* ---- what the addon exports. Arguments and results are described in addon.ts. */

napi_value aead_key(napi_env env, napi_callback_info info);
napi_value aead_destroy(napi_env env, napi_callback_info info);
napi_value aead_seal(napi_env env, napi_callback_info info);
napi_value aead_open(napi_env env, napi_callback_info info);
napi_value aead_seal_batch(napi_env env, napi_callback_info info);
napi_value aead_open_batch(napi_env env, napi_callback_info info);
napi_value x25519_public(napi_env env, napi_callback_info info);
napi_value x25519_shared(napi_env env, napi_callback_info info);

#ifdef __linux__
napi_value address_pack(napi_env env, napi_callback_info info);
napi_value address_name(napi_env env, napi_callback_info info);
napi_value socket_open(napi_env env, napi_callback_info info);
napi_value socket_bind(napi_env env, napi_callback_info info);
napi_value socket_connect(napi_env env, napi_callback_info info);
napi_value socket_local(napi_env env, napi_callback_info info);
napi_value socket_watch(napi_env env, napi_callback_info info);
napi_value socket_option(napi_env env, napi_callback_info info);
napi_value socket_close(napi_env env, napi_callback_info info);
napi_value socket_receive(napi_env env, napi_callback_info info);
napi_value socket_send(napi_env env, napi_callback_info info);
napi_value socket_send_one(napi_env env, napi_callback_info info);

void sockets_close_all(instance *i);
void receiving_free(instance *i);
#endif

#endif
