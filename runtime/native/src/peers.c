/* Sources of datagrams as small numbers, so that JavaScript makes a text of an address once and not for each packet.
 * The table has a fixed size: whoever floods it from many addresses makes others be named again, and no more. */
#ifdef __linux__
#include "net.h"
#include <stdlib.h>
#include <string.h>

#define KEY_LENGTH offsetof(packed_address, rest)

static uint32_t stamp_of(const source *s) {
  uint32_t stamp;
  memcpy(&stamp, s->address.rest + 4, sizeof stamp);
  return stamp;
}

static void set_stamp(source *s, uint32_t stamp) { memcpy(s->address.rest + 4, &stamp, sizeof stamp); }

bool sources_init(sources *s, uint32_t capacity) {
  uint32_t sets = 1;
  while (sets * WAYS < capacity) sets *= 2;
  s->entries = calloc((size_t)sets * WAYS, sizeof *s->entries);
  s->sets = sets;
  s->clock = 0;
  /* Keyed, so that nobody chooses addresses that collide. */
  if (uv_random(NULL, NULL, s->seed, sizeof s->seed, 0, NULL) != 0) return false;
  return s->entries != NULL;
}

static uint64_t mix(uint64_t a, uint64_t b) {
  unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t set_of(const sources *s, const packed_address *p) {
  uint64_t words[3];
  memcpy(words, p, KEY_LENGTH);
  uint64_t hash = mix(words[0] ^ s->seed[0], words[1] ^ s->seed[1]);
  hash = mix(hash ^ s->seed[1], words[2] ^ s->seed[0] ^ 0x9e3779b97f4a7c15ull);
  return (uint32_t)(hash >> 32) & (s->sets - 1);
}

_Static_assert(KEY_LENGTH == 24, "a source is hashed as three words");

uint32_t sources_find(sources *s, const packed_address *address, bool *is_new) {
  uint32_t first = set_of(s, address) * WAYS;
  source *set = s->entries + first;
  uint32_t oldest = 0;
  uint32_t most = 0;
  uint32_t now = ++s->clock;
  for (uint32_t i = 0; i < WAYS; i++) {
    if (memcmp(&set[i].address, address, KEY_LENGTH) == 0) {
      set_stamp(&set[i], now);
      *is_new = false;
      return first + i;
    }
    uint32_t age = set[i].address.family == 0 ? UINT32_MAX : now - stamp_of(&set[i]);
    if (age > most) {
      most = age;
      oldest = i;
    }
  }
  set[oldest].address = *address;
  set_stamp(&set[oldest], now);
  *is_new = true;
  return first + oldest;
}
#endif
