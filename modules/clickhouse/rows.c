/* SPDX-License-Identifier: BSD-3-Clause */
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NANOSECONDS 1000000000u

static const char *const types[UR_COUNT_OF_TYPES] = {[UR_TYPE_STRING] = "String",
                                                     [UR_TYPE_BYTES] = "Array(UInt8)",
                                                     [UR_TYPE_CHAR] = "UInt8",
                                                     [UR_TYPE_UINT8] = "UInt8",
                                                     [UR_TYPE_INT8] = "Int8",
                                                     [UR_TYPE_UINT16] = "UInt16",
                                                     [UR_TYPE_INT16] = "Int16",
                                                     [UR_TYPE_UINT32] = "UInt32",
                                                     [UR_TYPE_INT32] = "Int32",
                                                     [UR_TYPE_UINT64] = "UInt64",
                                                     [UR_TYPE_INT64] = "Int64",
                                                     [UR_TYPE_FLOAT] = "Float32",
                                                     [UR_TYPE_DOUBLE] = "Float64",
                                                     [UR_TYPE_IP] = "IPv6",
                                                     [UR_TYPE_MAC] = "Array(UInt8)",
                                                     [UR_TYPE_TIME] = "DateTime64(9)",
                                                     [UR_TYPE_A_UINT8] = "Array(UInt8)",
                                                     [UR_TYPE_A_INT8] = "Array(Int8)",
                                                     [UR_TYPE_A_UINT16] = "Array(UInt16)",
                                                     [UR_TYPE_A_INT16] = "Array(Int16)",
                                                     [UR_TYPE_A_UINT32] = "Array(UInt32)",
                                                     [UR_TYPE_A_INT32] = "Array(Int32)",
                                                     [UR_TYPE_A_UINT64] = "Array(UInt64)",
                                                     [UR_TYPE_A_INT64] = "Array(Int64)",
                                                     [UR_TYPE_A_FLOAT] = "Array(Float32)",
                                                     [UR_TYPE_A_DOUBLE] = "Array(Float64)",
                                                     [UR_TYPE_A_IP] = "Array(IPv6)",
                                                     [UR_TYPE_A_MAC] = "Array(Array(UInt8))",
                                                     [UR_TYPE_A_TIME] = "Array(DateTime64(9))"};

const char *rows_type(ur_field_type_t type)
{
   return types[type];
}

bool rows_type_fits(ur_field_type_t type, const char *column)
{
   static const char *const others[][2] = {{"IPv6", "FixedString(16)"}, {"DateTime64(9)", "Int64"}};
   bool fits = strcmp(types[type], column) == 0;
   for (size_t i = 0; !fits && i < sizeof(others) / sizeof(others[0]); i++) {
      char array[64];
      snprintf(array, sizeof(array), "Array(%s)", others[i][0]);
      bool is_array = strcmp(types[type], array) == 0;
      snprintf(array, sizeof(array), is_array ? "Array(%s)" : "%s", others[i][1]);
      fits = (is_array || strcmp(types[type], others[i][0]) == 0) && strcmp(column, array) == 0;
   }
   return fits;
}

static bool make_room(struct block *b, size_t more)
{
   if (b->size + more <= b->capacity) {
      return true;
   }
   size_t capacity = 2 * (b->size + more);
   uint8_t *data = realloc(b->data, capacity);
   if (data == NULL) {
      return false;
   }
   b->data = data;
   b->capacity = capacity;
   return true;
}

/* The functions below write where there is room. */

static void put(struct block *b, const void *data, size_t size)
{
   if (size > 0) {
      memcpy(b->data + b->size, data, size);
   }
   b->size += size;
}

static void put_length(struct block *b, uint64_t n)
{
   for (; n >= 0x80; n >>= 7) {
      b->data[b->size++] = (uint8_t) (n | 0x80);
   }
   b->data[b->size++] = (uint8_t) n;
}

/* IPv4 as ::ffff:a.b.c.d */
static void put_address(struct block *b, const void *data)
{
   static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
   ip_addr_t ip;
   memcpy(&ip, data, sizeof(ip));
   if (ip_is4(&ip)) {
      put(b, mapped, sizeof(mapped));
      put(b, (const uint8_t *) &ip + 8, 4);
   } else {
      put(b, &ip, sizeof(ip));
   }
}

static void put_one(struct block *b, ur_field_type_t type, const void *data, size_t size)
{
   if (type == UR_TYPE_IP) {
      put_address(b, data);
   } else if (type == UR_TYPE_TIME) {
      ur_time_t t;
      memcpy(&t, data, sizeof(t));
      int64_t ns = (int64_t) ur_time_get_sec(t) * NANOSECONDS + (int64_t) ur_time_get_nsec(t);
      put(b, &ns, sizeof(ns));
   } else {
      if (type == UR_TYPE_MAC) {
         put_length(b, size);
      }
      put(b, data, size);
   }
}

bool rows_add(struct block *b, const nm_field_t *field, const void *rec)
{
   uint32_t size;
   const char *data = nm_field_data(field, rec, &size);
   ur_field_type_t type = (ur_field_type_t) field->type;
   if (!make_room(b, 2 * (size_t) size + 32)) {
      return false;
   }
   if (type == UR_TYPE_STRING || type == UR_TYPE_BYTES) {
      put_length(b, size);
      put(b, data, size);
   } else if (type < UR_TYPE_A_UINT8) {
      put_one(b, type, data, size);
   } else {
      size_t each = (size_t) -ur_field_type_size[type];
      put_length(b, size / each);
      for (size_t i = 0; i < size / each; i++) {
         put_one(b, (ur_field_type_t) ur_field_array_elem_type[type], data + i * each, each);
      }
   }
   return true;
}
