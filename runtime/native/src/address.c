/* Addresses: sockaddr, 32 packed bytes, text. */
#ifdef __linux__
#include "net.h"
#include <net/if.h>
#include <stdio.h>
#include <string.h>

socklen_t address_unpack(const uint8_t *from, socket_address *to) {
  packed_address p;
  memcpy(&p, from, sizeof p);
  memset(to, 0, sizeof *to);
  if (p.family == 4) {
    to->v4.sin_family = AF_INET;
    to->v4.sin_port = htons(p.port);
    memcpy(&to->v4.sin_addr, p.host, 4);
    return sizeof to->v4;
  }
  if (p.family == 6) {
    to->v6.sin6_family = AF_INET6;
    to->v6.sin6_port = htons(p.port);
    to->v6.sin6_scope_id = p.scope;
    memcpy(&to->v6.sin6_addr, p.host, 16);
    return sizeof to->v6;
  }
  return 0;
}

void address_of(const socket_address *from, packed_address *to) {
  memset(to, 0, sizeof *to);
  if (from->any.sa_family == AF_INET6) {
    to->family = 6;
    to->port = ntohs(from->v6.sin6_port);
    memcpy(to->host, &from->v6.sin6_addr, 16);
    /* As Node writes it: an interface is named for link-local addresses only. */
    if (IN6_IS_ADDR_LINKLOCAL(&from->v6.sin6_addr)) to->scope = from->v6.sin6_scope_id;
  } else {
    to->family = 4;
    to->port = ntohs(from->v4.sin_port);
    memcpy(to->host, &from->v4.sin_addr, 4);
  }
}

/* packAddress(host, port, out, index): 0, or the error of a host that is no address. */
napi_value address_pack(napi_env env, napi_callback_info info) {
  arguments a;
  uint32_t port, index;
  bytes out;
  char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
  size_t length;
  if (!take(env, info, 4, &a) || !take_u32(&a, 1, 65535, "port", &port) || !take_bytes(&a, 2, ADDRESS, "out", &out) ||
      !take_u32(&a, 3, (uint32_t)(out.length / ADDRESS - 1), "index", &index))
    return NULL;
  if (napi_get_value_string_utf8(env, a.value[0], host, sizeof host, &length) != napi_ok) {
    napi_throw_type_error(env, NULL, "host must be a string");
    return NULL;
  }
  socket_address at;
  memset(&at, 0, sizeof at);
  int failed = strchr(host, ':') == NULL ? uv_ip4_addr(host, (int)port, &at.v4) : uv_ip6_addr(host, (int)port, &at.v6);
  if (failed != 0) return give(env, failed);
  packed_address p;
  address_of(&at, &p);
  if (p.family == 6) p.scope = at.v6.sin6_scope_id;
  memcpy(out.at + (size_t)index * ADDRESS, &p, sizeof p);
  return give(env, 0);
}

/* nameAddress(addresses, index): `host:port`, IPv6 in brackets. */
napi_value address_name(napi_env env, napi_callback_info info) {
  arguments a;
  bytes from;
  uint32_t index;
  if (!take(env, info, 2, &a) || !take_bytes(&a, 0, ADDRESS, "addresses", &from) ||
      !take_u32(&a, 1, (uint32_t)(from.length / ADDRESS - 1), "index", &index))
    return NULL;
  packed_address p;
  memcpy(&p, from.at + (size_t)index * ADDRESS, sizeof p);
  char host[INET6_ADDRSTRLEN] = "";
  char zone[IF_NAMESIZE + 1] = "";
  if (uv_inet_ntop(p.family == 6 ? AF_INET6 : AF_INET, p.host, host, sizeof host) != 0) host[0] = 0;
  if (p.family == 6 && p.scope != 0) {
    zone[0] = '%';
    if (if_indextoname(p.scope, zone + 1) == NULL) snprintf(zone + 1, IF_NAMESIZE, "%u", p.scope);
  }
  char text[sizeof host + sizeof zone + 16];
  int length = snprintf(text, sizeof text, p.family == 6 ? "[%s%s]:%u" : "%s%s:%u", host, zone, p.port);
  napi_value result = NULL;
  napi_create_string_latin1(env, text, (size_t)length, &result);
  return result;
}
#endif
