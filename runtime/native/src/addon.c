/* The addon: its functions, and the beginning and end of a JavaScript context. */
#include "addon.h"
#include <stdlib.h>

#ifndef SOURCE_HASH
#define SOURCE_HASH ""
#endif

void instance_release(instance *i) {
  if (--i->references > 0) return;
  for (int c = 0; c < ALGORITHMS; c++) EVP_CIPHER_free(i->ciphers[c]);
#ifdef __linux__
  receiving_free(i);
#endif
  seats_free(i);
  free(i->sockets.slots);
  free(i->keys.slots);
  free(i);
}

static void finish(instance *i) {
  napi_async_cleanup_hook_handle hook = i->hook;
  i->hook = NULL;
  if (hook != NULL) napi_remove_async_cleanup_hook(hook);
}

void instance_socket_closed(instance *i) {
  i->open_sockets--;
  if (i->is_ending && i->open_sockets == 0) finish(i);
  instance_release(i);
}

/* The context ends: sockets are closed, which takes a turn of its loop. */
static void on_end(napi_async_cleanup_hook_handle hook, void *data) {
  instance *i = data;
  (void)hook;
  i->is_ending = true;
#ifdef __linux__
  i->references++;
  sockets_close_all(i);
  if (i->open_sockets == 0) finish(i);
  instance_release(i);
#else
  finish(i);
#endif
}

static void on_instance_gone(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  instance_release(data);
}

static bool add(napi_env env, napi_value exports, const char *name, napi_callback function, void *data) {
  napi_value value;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, function, data, &value) == napi_ok &&
         napi_set_named_property(env, exports, name, value) == napi_ok;
}

static napi_value init(napi_env env, napi_value exports) {
  instance *i = calloc(1, sizeof *i);
  if (i == NULL) {
    napi_throw_error(env, NULL, "out of memory");
    return NULL;
  }
  i->env = env;
  i->references = 1;
  static const char *const names[] = {"AES-256-GCM", "AES-128-GCM", "ChaCha20-Poly1305", "ChaCha20-Poly1305"};
  for (int c = 0; c < ALGORITHMS; c++) {
    i->ciphers[c] = EVP_CIPHER_fetch(NULL, names[c], NULL);
    if (i->ciphers[c] == NULL) {
      instance_release(i);
      napi_throw_error(env, NULL, "this OpenSSL lacks an AEAD that is needed");
      return NULL;
    }
  }
  if (napi_set_instance_data(env, i, on_instance_gone, NULL) != napi_ok) {
    instance_release(i);
    napi_throw_error(env, NULL, "no instance data");
    return NULL;
  }
  bool ok = napi_add_async_cleanup_hook(env, on_end, i, &i->hook) == napi_ok;
#define FUNCTION(name, function) ok = ok && add(env, exports, name, function, NULL)
  FUNCTION("key", aead_key);
  FUNCTION("destroyKey", aead_destroy);
  FUNCTION("seal", aead_seal);
  FUNCTION("open", aead_open);
  FUNCTION("sealBatch", aead_seal_batch);
  FUNCTION("openBatch", aead_open_batch);
  FUNCTION("x25519Public", x25519_public);
  FUNCTION("x25519Shared", x25519_shared);
#ifdef __linux__
  FUNCTION("packAddress", address_pack);
  FUNCTION("nameAddress", address_name);
  FUNCTION("openSocket", socket_open);
  FUNCTION("bindSocket", socket_bind);
  FUNCTION("connectSocket", socket_connect);
  FUNCTION("localAddress", socket_local);
  FUNCTION("watchSocket", socket_watch);
  FUNCTION("optionOf", socket_option);
  FUNCTION("closeSocket", socket_close);
  FUNCTION("receive", socket_receive);
  FUNCTION("send", socket_send);
  FUNCTION("sendOne", socket_send_one);
#endif
  napi_value source;
  ok = ok && napi_create_string_utf8(env, SOURCE_HASH, NAPI_AUTO_LENGTH, &source) == napi_ok &&
       napi_set_named_property(env, exports, "source", source) == napi_ok;
  if (!ok) napi_throw_error(env, NULL, "the addon could not be set up");
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, init)
