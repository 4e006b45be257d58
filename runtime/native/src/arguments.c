/* Arguments from JavaScript, each checked; and tables of handles. */
#include "addon.h"
#include <stdio.h>
#include <stdlib.h>

bool take(napi_env env, napi_callback_info info, size_t count, arguments *out) {
  size_t given = MOST_ARGUMENTS;
  out->env = env;
  out->in = NULL;
  if (napi_get_cb_info(env, info, &given, out->value, NULL, NULL) != napi_ok ||
      napi_get_instance_data(env, (void **)&out->in) != napi_ok || out->in == NULL || given < count) {
    napi_throw_type_error(env, NULL, "too few arguments");
    return false;
  }
  return true;
}

static bool refuse(const arguments *a, const char *name, const char *what) {
  char text[96];
  snprintf(text, sizeof text, "%s %s", name, what);
  napi_throw_range_error(a->env, "ERR_OUT_OF_RANGE", text);
  return false;
}

static bool mistype(const arguments *a, const char *name, const char *what) {
  char text[96];
  snprintf(text, sizeof text, "%s must be %s", name, what);
  napi_throw_type_error(a->env, "ERR_INVALID_ARG_TYPE", text);
  return false;
}

bool take_u32(const arguments *a, size_t i, uint32_t most, const char *name, uint32_t *out) {
  double value;
  if (napi_get_value_double(a->env, a->value[i], &value) != napi_ok) return mistype(a, name, "a number");
  /* Not a number compares false. */
  if (!(value >= 0 && value <= most) || (double)(uint32_t)value != value) return refuse(a, name, "is out of range");
  *out = (uint32_t)value;
  return true;
}

bool take_i32(const arguments *a, size_t i, const char *name, int32_t *out) {
  if (napi_get_value_int32(a->env, a->value[i], out) != napi_ok) return mistype(a, name, "a number");
  return true;
}

static bool view(const arguments *a, size_t i, napi_typedarray_type type, size_t *length, void **at) {
  napi_typedarray_type actual;
  /* Fails for what is no typed array. */
  if (napi_get_typedarray_info(a->env, a->value[i], &actual, length, at, NULL, NULL) != napi_ok) return false;
  if (*at == NULL) *length = 0; /* detached */
  return actual == type;
}

bool take_bytes(const arguments *a, size_t i, size_t least, const char *name, bytes *out) {
  void *at = NULL;
  size_t length = 0;
  if (!view(a, i, napi_uint8_array, &length, &at)) return mistype(a, name, "a Uint8Array");
  if (length < least) return refuse(a, name, "is too short");
  out->at = at;
  out->length = length;
  return true;
}

bool take_numbers(const arguments *a, size_t i, size_t least, const char *name, numbers *out) {
  void *at = NULL;
  size_t length = 0;
  if (!view(a, i, napi_int32_array, &length, &at)) return mistype(a, name, "an Int32Array");
  if (length < least) return refuse(a, name, "is too short");
  out->at = at;
  out->length = length;
  return true;
}

napi_value give(napi_env env, int32_t value) {
  napi_value result = NULL;
  napi_create_int32(env, value, &result);
  return result;
}

/* ---- tables of handles */

#define NONE UINT32_MAX

int32_t table_add(table *t, void *item) {
  if (t->slots == NULL || t->free == NONE) {
    uint32_t before = t->slots == NULL ? 0 : t->size;
    uint32_t size = before == 0 ? 16 : before * 2;
    if (size > 1u << INDEX_BITS) return 0;
    slot *slots = realloc(t->slots, size * sizeof *slots);
    if (slots == NULL) return 0;
    for (uint32_t i = before; i < size; i++) slots[i] = (slot){NULL, 1, i + 1 < size ? i + 1 : NONE};
    t->slots = slots;
    t->size = size;
    t->free = before;
  }
  uint32_t index = t->free;
  slot *s = &t->slots[index];
  t->free = s->next_free;
  s->item = item;
  return (int32_t)(s->generation << INDEX_BITS | index);
}

void *table_get(const table *t, int32_t handle) {
  uint32_t index = (uint32_t)handle & ((1u << INDEX_BITS) - 1);
  uint32_t generation = (uint32_t)handle >> INDEX_BITS;
  if (handle <= 0 || index >= t->size || t->slots[index].generation != generation) return NULL;
  return t->slots[index].item;
}

void table_remove(table *t, int32_t handle) {
  if (table_get(t, handle) == NULL) return;
  uint32_t index = (uint32_t)handle & ((1u << INDEX_BITS) - 1);
  slot *s = &t->slots[index];
  s->item = NULL;
  s->generation = s->generation == GENERATIONS ? 1 : s->generation + 1;
  s->next_free = t->free;
  t->free = index;
}
