/* AEAD through Node's own OpenSSL, with a context for each key that is in use: one at a time and in batches, in place.
 * A context takes a kilobyte, so only so many keys have one; that of a key which rests goes to another (a clock).
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) derives a key for each nonce with HChaCha20. */
#include "addon.h"
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#define TAG 16
#define NONCE_STRIDE 24
/* A row: key handle, start and end of the associated data, start and end of the text, result. */
#define ROW 6

typedef struct {
  instance *in;
  EVP_CIPHER_CTX *context; /* NULL: it rests */
  uint32_t seat;           /* of the context */
  int32_t handle;          /* 0: destroyed */
  uint8_t algorithm;
  int8_t direction; /* the context is ready to seal (1) or to open (0); -1: neither yet */
  uint8_t secret[32];
} key;

/* Keys with a context. */
#define SEATS 4096

struct seats {
  uint32_t count;
  uint32_t hand;
  key *owners[SEATS];
  bool was_used[SEATS];
};

static const uint8_t KEY_LENGTH[ALGORITHMS] = {32, 16, 32, 32};
static const uint8_t NONCE_LENGTH[ALGORITHMS] = {12, 12, 12, 24};

static void key_destroy(key *k) {
  if (k->handle == 0) return;
  if (k->context != NULL) k->in->seats->owners[k->seat] = NULL;
  EVP_CIPHER_CTX_free(k->context); /* wipes the key schedule */
  k->context = NULL;
  OPENSSL_cleanse(k->secret, sizeof k->secret);
  table_remove(&k->in->keys, k->handle);
  k->handle = 0;
}

void seats_free(instance *i) { free(i->seats); }

/* A seat for another key; what its owner had is in `context`, NULL where it is free. */
static uint32_t take_seat(struct seats *all, EVP_CIPHER_CTX **context, uint8_t *algorithm) {
  *context = NULL;
  if (all->count < SEATS) return all->count++;
  for (;; all->hand = (all->hand + 1) % SEATS) {
    key *owner = all->owners[all->hand];
    if (owner != NULL && all->was_used[all->hand]) {
      all->was_used[all->hand] = false;
      continue;
    }
    if (owner != NULL) {
      *context = owner->context;
      *algorithm = owner->algorithm;
      owner->context = NULL;
      owner->direction = -1;
    }
    return all->hand;
  }
}

/* Sees to it that the key has a context. */
static bool warm(key *k) {
  struct seats *all = k->in->seats;
  if (k->context != NULL) {
    all->was_used[k->seat] = true;
    return true;
  }
  if (all == NULL && (all = k->in->seats = calloc(1, sizeof *all)) == NULL) return false;
  EVP_CIPHER_CTX *context;
  uint8_t before;
  uint32_t seat = take_seat(all, &context, &before);
  bool is_same = context != NULL && before == k->algorithm;
  bool is_x = k->algorithm == XCHACHA20_POLY1305; /* its keys come with its nonces */
  if (context == NULL) context = EVP_CIPHER_CTX_new();
  if (context == NULL ||
      EVP_CipherInit_ex2(context, is_same ? NULL : k->in->ciphers[k->algorithm], is_x ? NULL : k->secret, NULL, 1, NULL) != 1) {
    EVP_CIPHER_CTX_free(context);
    all->owners[seat] = NULL;
    return false;
  }
  k->context = context;
  k->seat = seat;
  k->direction = -1;
  all->owners[seat] = k;
  all->was_used[seat] = true;
  return true;
}

/* The JavaScript object that owns the key was collected, or its context ends. */
static void on_owner_gone(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  key *k = data;
  instance *in = k->in;
  key_destroy(k);
  free(k);
  instance_release(in);
}

napi_value aead_key(napi_env env, napi_callback_info info) {
  arguments a;
  uint32_t algorithm;
  bytes secret;
  if (!take(env, info, 3, &a) || !take_u32(&a, 1, ALGORITHMS - 1, "algorithm", &algorithm) ||
      !take_bytes(&a, 2, 0, "key", &secret))
    return NULL;
  napi_valuetype type;
  if (napi_typeof(env, a.value[0], &type) != napi_ok || type != napi_object) {
    napi_throw_type_error(env, NULL, "owner must be an object");
    return NULL;
  }
  if (secret.length != KEY_LENGTH[algorithm]) {
    napi_throw_range_error(env, NULL, "the key has the wrong length");
    return NULL;
  }
  key *k = calloc(1, sizeof *k);
  if (k == NULL) {
    napi_throw_error(env, NULL, "out of memory");
    return NULL;
  }
  k->in = a.in;
  k->algorithm = (uint8_t)algorithm;
  k->direction = -1;
  memcpy(k->secret, secret.at, secret.length);
  if ((k->handle = table_add(&a.in->keys, k)) == 0) {
    OPENSSL_cleanse(k, sizeof *k);
    free(k);
    napi_throw_error(env, NULL, "no room for another key");
    return NULL;
  }
  if (napi_add_finalizer(env, a.value[0], k, on_owner_gone, NULL, NULL) != napi_ok) {
    key_destroy(k);
    free(k);
    napi_throw_error(env, NULL, "the owner takes no finalizer");
    return NULL;
  }
  a.in->references++;
  return give(env, k->handle);
}

napi_value aead_destroy(napi_env env, napi_callback_info info) {
  arguments a;
  int32_t handle;
  if (!take(env, info, 1, &a) || !take_i32(&a, 0, "key", &handle)) return NULL;
  key *k = table_get(&a.in->keys, handle);
  if (k != NULL) key_destroy(k);
  return NULL;
}

static inline uint32_t rotate(uint32_t x, int n) { return x << n | x >> (32 - n); }

static inline uint32_t load(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#define QUARTER(a, b, c, d)                 \
  x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 16); \
  x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 12); \
  x[a] += x[b], x[d] = rotate(x[d] ^ x[a], 8);  \
  x[c] += x[d], x[b] = rotate(x[b] ^ x[c], 7)

static void hchacha20(const uint8_t secret[32], const uint8_t nonce[16], uint8_t out[32]) {
  uint32_t x[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
  for (int i = 0; i < 8; i++) x[4 + i] = load(secret + 4 * i);
  for (int i = 0; i < 4; i++) x[12 + i] = load(nonce + 4 * i);
  for (int round = 0; round < 10; round++) {
    QUARTER(0, 4, 8, 12);
    QUARTER(1, 5, 9, 13);
    QUARTER(2, 6, 10, 14);
    QUARTER(3, 7, 11, 15);
    QUARTER(0, 5, 10, 15);
    QUARTER(1, 6, 11, 12);
    QUARTER(2, 7, 8, 13);
    QUARTER(3, 4, 9, 14);
  }
  for (int i = 0; i < 8; i++) {
    uint32_t word = x[i < 4 ? i : i + 8];
    for (int b = 0; b < 4; b++) out[4 * i + b] = (uint8_t)(word >> (8 * b));
  }
  OPENSSL_cleanse(x, sizeof x);
}

/* Gives the key's context its nonce. */
static bool set_nonce(key *k, const uint8_t *nonce, bool is_seal) {
  if (k->algorithm != XCHACHA20_POLY1305) return EVP_CipherInit_ex2(k->context, NULL, NULL, nonce, is_seal, NULL) == 1;
  uint8_t derived[32];
  uint8_t rest[12] = {0};
  hchacha20(k->secret, nonce, derived);
  memcpy(rest + 4, nonce + 16, 8);
  bool ok = EVP_CipherInit_ex2(k->context, NULL, derived, rest, is_seal, NULL) == 1;
  OPENSSL_cleanse(derived, sizeof derived);
  return ok;
}

/* AES-GCM whose context has worked in this direction: the nonce goes in as a parameter, together with the tag to compare.
 * EVP_CipherInit_ex2 would look up the length of the nonce each time, which costs a fifth of the whole. */
static bool begin_again(key *k, bool is_seal, const uint8_t *nonce, uint8_t *tag) {
  if (k->direction != is_seal || (k->algorithm != AES_256_GCM && k->algorithm != AES_128_GCM)) return false;
  /* The size -1 says: all of it (EVP_CTRL_GCM_SET_IV_FIXED). */
  const OSSL_PARAM given[3] = {{OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, OSSL_PARAM_OCTET_STRING, (void *)nonce, (size_t)-1, 0},
                               {is_seal ? NULL : OSSL_CIPHER_PARAM_AEAD_TAG, OSSL_PARAM_OCTET_STRING, tag, TAG, 0},
                               OSSL_PARAM_END};
  return EVP_CIPHER_CTX_set_params(k->context, given) == 1;
}

static bool begin(key *k, bool is_seal, const uint8_t *nonce, uint8_t *tag) {
  return begin_again(k, is_seal, nonce, tag) ||
         (set_nonce(k, nonce, is_seal) && (is_seal || EVP_CIPHER_CTX_ctrl(k->context, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1));
}

static bool finish(key *k, bool is_seal, uint8_t *tag) {
  int n = 0;
  uint8_t rest[16];
  OSSL_PARAM wanted[2] = {{OSSL_CIPHER_PARAM_AEAD_TAG, OSSL_PARAM_OCTET_STRING, tag, TAG, 0}, OSSL_PARAM_END};
  return EVP_CipherFinal_ex(k->context, rest, &n) == 1 && (!is_seal || EVP_CIPHER_CTX_get_params(k->context, wanted) == 1);
}

/* `text` of `length` bytes, the tag behind it. What does not open is overwritten. */
static bool run(key *k, bool is_seal, const uint8_t *nonce, const uint8_t *aad, int aad_length, uint8_t *text, int length) {
  int n = 0;
  bool ok = warm(k) && begin(k, is_seal, nonce, text + length) &&
            (aad_length == 0 || EVP_CipherUpdate(k->context, NULL, &n, aad, aad_length) == 1) &&
            (length == 0 || EVP_CipherUpdate(k->context, text, &n, text, length) == 1) && finish(k, is_seal, text + length);
  k->direction = ok ? is_seal : -1;
  if (!ok) ERR_clear_error(); /* nobody else's TLS is to find it */
  if (!ok && !is_seal) memset(text, 0, (size_t)length);
  return ok;
}

static napi_value one(napi_env env, napi_callback_info info, bool is_seal) {
  arguments a;
  int32_t handle;
  uint32_t start, end;
  bytes nonce, aad, all;
  if (!take(env, info, 6, &a) || !take_i32(&a, 0, "key", &handle) || !take_bytes(&a, 1, 0, "nonce", &nonce) ||
      !take_bytes(&a, 2, 0, "aad", &aad) || !take_bytes(&a, 3, 0, "bytes", &all) ||
      !take_u32(&a, 4, INT32_MAX - TAG, "start", &start) || !take_u32(&a, 5, INT32_MAX - TAG, "end", &end))
    return NULL;
  key *k = table_get(&a.in->keys, handle);
  if (k == NULL) {
    napi_throw_error(env, NULL, "the key was destroyed");
    return NULL;
  }
  if (nonce.length != NONCE_LENGTH[k->algorithm]) {
    napi_throw_range_error(env, NULL, "the nonce has the wrong length");
    return NULL;
  }
  if (aad.length > INT32_MAX || end < start || (size_t)end + (is_seal ? TAG : 0) > all.length) {
    napi_throw_range_error(env, NULL, is_seal ? "there is no room for the text and its tag" : "the text is out of range");
    return NULL;
  }
  if (!is_seal && end - start < TAG) return give(env, -1);
  int length = (int)(end - start) - (is_seal ? 0 : TAG);
  if (!run(k, is_seal, nonce.at, aad.at, (int)aad.length, all.at + start, length)) {
    if (is_seal) napi_throw_error(env, NULL, "sealing failed");
    return is_seal ? NULL : give(env, -1);
  }
  return give(env, is_seal ? (int32_t)end + TAG : length);
}

napi_value aead_seal(napi_env env, napi_callback_info info) { return one(env, info, true); }

napi_value aead_open(napi_env env, napi_callback_info info) { return one(env, info, false); }

static napi_value batch(napi_env env, napi_callback_info info, bool is_seal) {
  arguments a;
  bytes slab, nonces;
  numbers rows;
  uint32_t count;
  if (!take(env, info, 4, &a) || !take_bytes(&a, 0, 0, "slab", &slab) || !take_u32(&a, 3, 1 << 24, "count", &count) ||
      !take_numbers(&a, 1, (size_t)count * ROW, "rows", &rows) ||
      !take_bytes(&a, 2, (size_t)count * NONCE_STRIDE, "nonces", &nonces))
    return NULL;
  int32_t done = 0;
  for (uint32_t i = 0; i < count; i++) {
    volatile int32_t *row = rows.at + (size_t)i * ROW;
    int32_t handle = row[0], aad_start = row[1], aad_end = row[2], start = row[3], end = row[4];
    row[5] = -1;
    key *k = table_get(&a.in->keys, handle);
    if (k == NULL || !is_range(aad_start, aad_end, slab.length) || !is_range(start, end, slab.length)) continue;
    if (is_seal ? slab.length - (size_t)end < TAG || end > INT32_MAX - TAG : end - start < TAG) continue;
    int length = end - start - (is_seal ? 0 : TAG);
    if (!run(k, is_seal, nonces.at + (size_t)i * NONCE_STRIDE, slab.at + aad_start, aad_end - aad_start, slab.at + start, length))
      continue;
    row[5] = is_seal ? length + TAG : length;
    done++;
  }
  return give(env, done);
}

napi_value aead_seal_batch(napi_env env, napi_callback_info info) { return batch(env, info, true); }

napi_value aead_open_batch(napi_env env, napi_callback_info info) { return batch(env, info, false); }
