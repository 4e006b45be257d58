/* X25519 (RFC 7748) through OpenSSL, with raw keys. */
#include "addon.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <string.h>

#define LENGTH 32

static bool take_exactly(const arguments *a, size_t i, const char *name, bytes *out) {
  if (!take_bytes(a, i, 0, name, out)) return false;
  if (out->length == LENGTH) return true;
  napi_throw_range_error(a->env, NULL, "a key of X25519 has 32 bytes");
  return false;
}

/* A private key. OpenSSL computes the public one unless it is given some; for a shared secret it does not matter which. */
static EVP_PKEY *private_key(uint8_t *secret) {
  uint8_t any[LENGTH] = {9};
  OSSL_PARAM parts[] = {
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, secret, LENGTH),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, any, LENGTH),
      OSSL_PARAM_construct_end(),
  };
  EVP_PKEY *key = NULL;
  EVP_PKEY_CTX *making = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
  if (making != NULL && EVP_PKEY_fromdata_init(making) == 1) EVP_PKEY_fromdata(making, &key, EVP_PKEY_KEYPAIR, parts);
  EVP_PKEY_CTX_free(making);
  return key;
}

napi_value x25519_public(napi_env env, napi_callback_info info) {
  arguments a;
  bytes secret, out;
  if (!take(env, info, 2, &a) || !take_exactly(&a, 0, "secret", &secret) || !take_exactly(&a, 1, "out", &out)) return NULL;
  EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret.at, LENGTH);
  size_t length = LENGTH;
  bool ok = key != NULL && EVP_PKEY_get_raw_public_key(key, out.at, &length) == 1;
  EVP_PKEY_free(key);
  ERR_clear_error();
  if (!ok) napi_throw_error(env, NULL, "X25519 failed");
  return NULL;
}

/* Zero where OpenSSL refuses the peer's key: it has a low order. */
napi_value x25519_shared(napi_env env, napi_callback_info info) {
  arguments a;
  bytes secret, theirs, out;
  if (!take(env, info, 3, &a) || !take_exactly(&a, 0, "secret", &secret) || !take_exactly(&a, 1, "public key", &theirs) ||
      !take_exactly(&a, 2, "out", &out))
    return NULL;
  EVP_PKEY *mine = private_key(secret.at);
  EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, theirs.at, LENGTH);
  EVP_PKEY_CTX *deriving = mine == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, mine, NULL);
  size_t length = LENGTH;
  uint8_t shared[LENGTH] = {0};
  bool ready = deriving != NULL && peer != NULL && EVP_PKEY_derive_init(deriving) == 1 &&
               EVP_PKEY_derive_set_peer_ex(deriving, peer, 0) == 1;
  if (ready && EVP_PKEY_derive(deriving, shared, &length) != 1) memset(shared, 0, LENGTH);
  memcpy(out.at, shared, LENGTH);
  OPENSSL_cleanse(shared, sizeof shared);
  EVP_PKEY_CTX_free(deriving);
  EVP_PKEY_free(peer);
  EVP_PKEY_free(mine);
  ERR_clear_error();
  if (!ready) napi_throw_error(env, NULL, "X25519 failed");
  return NULL;
}
