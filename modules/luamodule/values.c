/* SPDX-License-Identifier: BSD-3-Clause */
#include "values.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS "nemea.address"

/* -------------------------------------------------------------------- addresses */

static void push_address(lua_State *l, const ip_addr_t *ip)
{
   ip_addr_t *p = lua_newuserdatauv(l, sizeof(*p), 0);
   *p = *ip;
   luaL_setmetatable(l, ADDRESS);
}

/* An address, or its text, or its 4 or 16 bytes. */
static bool to_address(lua_State *l, int index, ip_addr_t *ip)
{
   size_t size;
   const ip_addr_t *p = luaL_testudata(l, index, ADDRESS);
   if (p != NULL) {
      *ip = *p;
      return true;
   }
   const char *text = lua_type(l, index) == LUA_TSTRING ? lua_tolstring(l, index, &size) : NULL;
   if (text == NULL) {
      return false;
   }
   if (strlen(text) == size && ip_from_str(text, ip) != 0) {
      return true;
   }
   if (size == 4) {
      *ip = ip_from_4_bytes_be(text);
   } else if (size == 16) {
      *ip = ip_from_16_bytes_be(text);
   }
   return size == 4 || size == 16;
}

static int make_address(lua_State *l)
{
   ip_addr_t ip;
   int n = lua_gettop(l);
   luaL_checkstack(l, n, NULL);
   for (int i = 1; i <= n; i++) {
      if (to_address(l, i, &ip)) {
         push_address(l, &ip);
      } else {
         lua_pushnil(l);
      }
   }
   return n;
}

static int are_of(lua_State *l, bool four)
{
   ip_addr_t ip;
   int n = lua_gettop(l);
   luaL_checkstack(l, n, NULL);
   for (int i = 1; i <= n; i++) {
      lua_pushboolean(l, to_address(l, i, &ip) && (ip_is4(&ip) != 0) == four);
   }
   return n;
}

static int are_ip4(lua_State *l)
{
   return are_of(l, true);
}

static int are_ip6(lua_State *l)
{
   return are_of(l, false);
}

static int address_text(lua_State *l)
{
   char text[INET6_ADDRSTRLEN];
   ip_to_str(luaL_checkudata(l, 1, ADDRESS), text);
   lua_pushstring(l, text);
   return 1;
}

static int address_bytes(lua_State *l)
{
   const ip_addr_t *ip = luaL_checkudata(l, 1, ADDRESS);
   bool four = ip_is4(ip) != 0;
   lua_pushlstring(l, (const char *) ip + (four ? 8 : 0), four ? 4 : 16);
   return 1;
}

static int address_equal(lua_State *l)
{
   const ip_addr_t *a = luaL_testudata(l, 1, ADDRESS), *b = luaL_testudata(l, 2, ADDRESS);
   lua_pushboolean(l, a != NULL && b != NULL && memcmp(a, b, sizeof(*a)) == 0);
   return 1;
}

static int address_less(lua_State *l)
{
   lua_pushboolean(l, ip_cmp(luaL_checkudata(l, 1, ADDRESS), luaL_checkudata(l, 2, ADDRESS)) < 0);
   return 1;
}

/* address / length: its network */
static int address_mask(lua_State *l)
{
   ip_addr_t ip = *(const ip_addr_t *) luaL_checkudata(l, 1, ADDRESS);
   lua_Integer length = luaL_checkinteger(l, 2);
   bool four = ip_is4(&ip) != 0;
   luaL_argcheck(l, length >= 0 && length <= (four ? 32 : 128), 2, "expected a length of the network");
   uint8_t *bytes = (uint8_t *) &ip + (four ? 8 : 0);
   for (int i = 0; i < (four ? 4 : 16); i++) {
      int bits = (int) length - 8 * i;
      bytes[i] &= bits >= 8 ? 0xff : bits <= 0 ? 0 : (uint8_t) (0xff << (8 - bits));
   }
   push_address(l, &ip);
   return 1;
}

void values_open(lua_State *l)
{
   static const luaL_Reg methods[] = {{"__tostring", address_text}, {"__tobytes", address_bytes},
                                      {"__eq", address_equal},      {"__lt", address_less},
                                      {"__div", address_mask},      {NULL, NULL}};
   luaL_newmetatable(l, ADDRESS);
   luaL_setfuncs(l, methods, 0);
   lua_pushvalue(l, -1);
   lua_setfield(l, -2, "__index");
   lua_pop(l, 1);
   lua_register(l, "ur_ip", make_address);
   lua_register(l, "ur_ip4", are_ip4);
   lua_register(l, "ur_ip6", are_ip6);
}

/* ---------------------------------------------------------------------- pushing */

#define LOAD(type, data)                       \
   ({                                          \
      type value_;                             \
      memcpy(&value_, (data), sizeof(value_)); \
      value_;                                  \
   })

static void push_unsigned(lua_State *l, uint64_t n)
{
   if (n <= INT64_MAX) {
      lua_pushinteger(l, (lua_Integer) n);
   } else {
      lua_pushnumber(l, (lua_Number) n);
   }
}

static void push_mac(lua_State *l, const uint8_t *b)
{
   char text[18];
   snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
   lua_pushstring(l, text);
}

static void push_address_at(lua_State *l, const void *data)
{
   ip_addr_t ip = LOAD(ip_addr_t, data);
   push_address(l, &ip);
}

static void push_one(lua_State *l, ur_field_type_t type, const void *data)
{
   switch (type) {
   case UR_TYPE_CHAR: lua_pushlstring(l, data, 1); break;
   case UR_TYPE_UINT8: lua_pushinteger(l, LOAD(uint8_t, data)); break;
   case UR_TYPE_INT8: lua_pushinteger(l, LOAD(int8_t, data)); break;
   case UR_TYPE_UINT16: lua_pushinteger(l, LOAD(uint16_t, data)); break;
   case UR_TYPE_INT16: lua_pushinteger(l, LOAD(int16_t, data)); break;
   case UR_TYPE_UINT32: lua_pushinteger(l, LOAD(uint32_t, data)); break;
   case UR_TYPE_INT32: lua_pushinteger(l, LOAD(int32_t, data)); break;
   case UR_TYPE_UINT64: push_unsigned(l, LOAD(uint64_t, data)); break;
   case UR_TYPE_INT64: lua_pushinteger(l, LOAD(int64_t, data)); break;
   case UR_TYPE_FLOAT: lua_pushnumber(l, (lua_Number) LOAD(float, data)); break;
   case UR_TYPE_DOUBLE: lua_pushnumber(l, LOAD(double, data)); break;
   case UR_TYPE_TIME: lua_pushnumber(l, (lua_Number) LOAD(uint64_t, data) / 4294967296.0); break;
   case UR_TYPE_IP: push_address_at(l, data); break;
   case UR_TYPE_MAC: push_mac(l, data); break;
   default: lua_pushnil(l); break;
   }
}

static ur_field_type_t element_type(ur_field_type_t type)
{
   return (ur_field_type_t) ur_field_array_elem_type[type];
}

void values_push(lua_State *l, ur_field_type_t type, const void *data, size_t size)
{
   if (type == UR_TYPE_STRING || type == UR_TYPE_BYTES) {
      lua_pushlstring(l, data, size);
      return;
   }
   if (type < UR_TYPE_A_UINT8) {
      push_one(l, type, data);
      return;
   }
   size_t each = (size_t) -ur_field_type_size[type], n = size / each;
   luaL_checkstack(l, 3, NULL);
   lua_createtable(l, (int) n, 0);
   for (size_t i = 0; i < n; i++) {
      push_one(l, element_type(type), (const char *) data + i * each);
      lua_rawseti(l, -2, (lua_Integer) i + 1);
   }
}

/* ---------------------------------------------------------------------- reading */

struct range {
   lua_Integer least, most;
   size_t size;
};

/* Integers of at most 64 bits, and numbers without a fraction. */
static bool integer_bytes(lua_State *l, int index, ur_field_type_t type, uint8_t to[16], size_t *size)
{
   static const struct range ranges[] = {
       [UR_TYPE_UINT8] = {0, UINT8_MAX, 1},   [UR_TYPE_INT8] = {INT8_MIN, INT8_MAX, 1},
       [UR_TYPE_UINT16] = {0, UINT16_MAX, 2}, [UR_TYPE_INT16] = {INT16_MIN, INT16_MAX, 2},
       [UR_TYPE_UINT32] = {0, UINT32_MAX, 4}, [UR_TYPE_INT32] = {INT32_MIN, INT32_MAX, 4},
       [UR_TYPE_UINT64] = {0, INT64_MAX, 8},  [UR_TYPE_INT64] = {INT64_MIN, INT64_MAX, 8}};
   int is_integer;
   const struct range *r = &ranges[type];
   lua_Integer n = lua_tointegerx(l, index, &is_integer);
   if (lua_type(l, index) != LUA_TNUMBER) {
      return false;
   }
   if (!is_integer && type == UR_TYPE_UINT64) { /* above INT64_MAX */
      lua_Number x = lua_tonumber(l, index);
      uint64_t big = x >= 9223372036854775808.0 && x < 18446744073709551616.0 ? (uint64_t) x : 0;
      memcpy(to, &big, sizeof(big));
      *size = sizeof(big);
      return big != 0 && (lua_Number) big == x;
   }
   memcpy(to, &n, r->size); /* little-endian */
   *size = r->size;
   return is_integer && n >= r->least && n <= r->most;
}

static bool number_bytes(lua_State *l, int index, ur_field_type_t type, uint8_t to[16], size_t *size)
{
   lua_Number x = lua_tonumber(l, index);
   float single = (float) x;
   uint64_t time = x >= 0 && x < 4294967296.0 ? (uint64_t) (x * 4294967296.0) : 0;
   const void *from = type == UR_TYPE_FLOAT    ? (const void *) &single
                      : type == UR_TYPE_DOUBLE ? (const void *) &x
                                               : &time;
   *size = type == UR_TYPE_FLOAT ? sizeof(single) : 8;
   memcpy(to, from, *size);
   return lua_type(l, index) == LUA_TNUMBER && (type != UR_TYPE_TIME || (x >= 0 && x < 4294967296.0));
}

static bool mac_bytes(lua_State *l, int index, uint8_t to[16], size_t *size)
{
   unsigned b[6];
   int end = 0;
   const char *text = lua_type(l, index) == LUA_TSTRING ? lua_tostring(l, index) : "";
   bool good =
       sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &end) == 6 &&
       text[end] == 0;
   for (int i = 0; good && i < 6; i++) {
      to[i] = (uint8_t) b[i];
   }
   *size = 6;
   return good;
}

static bool one_bytes(lua_State *l, int index, ur_field_type_t type, uint8_t to[16], size_t *size)
{
   ip_addr_t ip;
   switch (type) {
   case UR_TYPE_CHAR: {
      size_t n = 0;
      const char *text = lua_type(l, index) == LUA_TSTRING ? lua_tolstring(l, index, &n) : NULL;
      to[0] = n == 1 ? (uint8_t) text[0] : 0;
      *size = 1;
      return n == 1;
   }
   case UR_TYPE_FLOAT:
   case UR_TYPE_DOUBLE:
   case UR_TYPE_TIME: return number_bytes(l, index, type, to, size);
   case UR_TYPE_IP:
      if (!to_address(l, index, &ip)) {
         return false;
      }
      memcpy(to, &ip, sizeof(ip));
      *size = sizeof(ip);
      return true;
   case UR_TYPE_MAC: return mac_bytes(l, index, to, size);
   default: return integer_bytes(l, index, type, to, size);
   }
}

static bool array_bytes(lua_State *l, int index, ur_field_type_t type)
{
   luaL_Buffer b;
   uint8_t bytes[16];
   size_t size;
   lua_Unsigned n = lua_type(l, index) == LUA_TTABLE ? lua_rawlen(l, index) : UINT16_MAX + 1u;
   if (n > UINT16_MAX) {
      return false;
   }
   for (lua_Unsigned i = 1; i <= n;
        i++) { /* first all are looked at: a buffer is in the way of other values */
      lua_rawgeti(l, index, (lua_Integer) i);
      bool good = one_bytes(l, lua_gettop(l), type, bytes, &size);
      lua_pop(l, 1);
      if (!good) {
         return false;
      }
   }
   char *to = luaL_buffinitsize(l, &b, (size_t) (n + 1) * 16);
   size_t at = 0;
   for (lua_Unsigned i = 1; i <= n; i++) {
      lua_rawgeti(l, index, (lua_Integer) i);
      one_bytes(l, lua_gettop(l), type, bytes, &size);
      memcpy(to + at, bytes, size);
      at += size;
      lua_pop(l, 1);
   }
   luaL_pushresultsize(&b, at);
   return true;
}

bool values_bytes(lua_State *l, int index, ur_field_type_t type)
{
   uint8_t bytes[16];
   size_t size = 0;
   index = lua_absindex(l, index);
   luaL_checkstack(l, 8, NULL);
   if (type == UR_TYPE_STRING || type == UR_TYPE_BYTES) {
      if (lua_type(l, index) != LUA_TSTRING) {
         return false;
      }
      lua_pushvalue(l, index);
      return true;
   }
   if (type >= UR_TYPE_A_UINT8) {
      return array_bytes(l, index, element_type(type));
   }
   if (!one_bytes(l, index, type, bytes, &size)) {
      return false;
   }
   lua_pushlstring(l, (const char *) bytes, size);
   return true;
}
