/* SPDX-License-Identifier: BSD-3-Clause */
/** Values of UniRec fields as JSON. */
#include "values.h"

#include <stdlib.h>
#include <time.h>

static void write_v4(nc_json_t *json, const uint8_t *bytes)
{
   char text[16], *p = text;
   for (int i = 0; i < 4; i++) {
      uint8_t b = bytes[i];
      if (b >= 100) {
         *p++ = (char) ('0' + b / 100);
      }
      if (b >= 10) {
         *p++ = (char) ('0' + b / 10 % 10);
      }
      *p++ = (char) ('0' + b % 10);
      *p++ = '.';
   }
   nc_json_raw(json, text, (size_t) (p - text - 1));
}

static void write_ip(nc_json_t *json, const void *data)
{
   ip_addr_t ip;
   memcpy(&ip, data, sizeof(ip));
   nc_json_raw(json, "\"", 1);
   if (ip_is4(&ip)) {
      write_v4(json, ip.bytes + 8);
   } else {
      char text[INET6_ADDRSTRLEN];
      ip_to_str(&ip, text);
      nc_json_raw(json, text, strlen(text));
   }
   nc_json_raw(json, "\"", 1);
}

static void write_mac(nc_json_t *json, const uint8_t *m, bool clean)
{
   char text[48];
   int n = snprintf(text, sizeof(text),
                    clean ? "\"%02x:%02x:%02x:%02x:%02x:%02x\""
                          : "\"UnirecMACAddr('%02x:%02x:%02x:%02x:%02x:%02x')\"",
                    m[0], m[1], m[2], m[3], m[4], m[5]);
   nc_json_raw(json, text, (size_t) n);
}

/* Seconds with milliseconds: few enough digits to be the shortest text of that number. */
static void write_seconds(nc_json_t *json, ur_time_t t)
{
   uint32_t ms = ur_time_get_msec(t);
   char text[4] = {'.', (char) ('0' + ms / 100), (char) ('0' + ms / 10 % 10), (char) ('0' + ms % 10)};
   nc_json_u64(json, ur_time_get_sec(t));
   nc_json_raw(json, text, ms % 10 != 0 ? 4 : ms % 100 != 0 ? 3 : 2);
}

/* The text of a bytes object of Python, b'...', as the content of a JSON string. */
static void write_python_bytes(nc_json_t *json, const uint8_t *data, size_t length)
{
   char quote = memchr(data, '\'', length) != NULL && memchr(data, '"', length) == NULL ? '"' : '\'';
   nc_json_raw(json, quote == '"' ? "b\\\"" : "b'", quote == '"' ? 3 : 2);
   for (size_t i = 0; i < length; i++) {
      char c = (char) data[i], text[8];
      int n = c == '\\'                             ? snprintf(text, sizeof(text), "\\\\\\\\")
              : c == quote                          ? snprintf(text, sizeof(text), "\\\\%c", c)
              : c == '"'                            ? snprintf(text, sizeof(text), "\\\"")
              : c == '\t' || c == '\n' || c == '\r' ? snprintf(text, sizeof(text), "\\\\%c",
                                                               c == '\t'   ? 't'
                                                               : c == '\n' ? 'n'
                                                                           : 'r')
              : c >= ' ' && c <= '~'                ? snprintf(text, sizeof(text), "%c", c)
                                                    : snprintf(text, sizeof(text), "\\\\x%02x", data[i]);
      nc_json_raw(json, text, (size_t) n);
   }
   nc_json_raw(json, quote == '"' ? "\\\"" : "'", quote == '"' ? 2 : 1);
}

static void write_bytes(nc_json_t *json, const uint8_t *data, size_t length, bool clean)
{
   static const char hex[] = "0123456789abcdef";
   if (!clean) {
      nc_json_raw(json, "\"bytearray(", 11);
      write_python_bytes(json, data, length);
      nc_json_raw(json, ")\"", 2);
      return;
   }
   nc_json_raw(json, "\"", 1);
   for (size_t i = 0; i < length; i++) {
      char digits[2] = {hex[data[i] >> 4], hex[data[i] & 15]};
      nc_json_raw(json, digits, 2);
   }
   nc_json_raw(json, "\"", 1);
}

static void write_int8(nc_json_t *json, const uint8_t *data, bool clean)
{
   if (clean) {
      nc_json_i64(json, (int8_t) *data);
      return;
   }
   nc_json_raw(json, "\"", 1);
   write_python_bytes(json, data, 1);
   nc_json_raw(json, "\"", 1);
}

static void write_scalar(nc_json_t *json, uint8_t type, const void *data, bool clean)
{
   union {
      uint8_t u8;
      uint16_t u16;
      uint32_t u32;
      uint64_t u64;
      int16_t i16;
      int32_t i32;
      int64_t i64;
      float f;
      double d;
   } v = {.u64 = 0};
   size_t size = (size_t) abs(ur_field_type_size[type]);
   memcpy(&v, data, size < sizeof(v) ? size : sizeof(v));
   switch (type) {
   case UR_TYPE_CHAR:
   case UR_TYPE_UINT8: nc_json_u64(json, v.u8); break;
   case UR_TYPE_UINT16: nc_json_u64(json, v.u16); break;
   case UR_TYPE_UINT32: nc_json_u64(json, v.u32); break;
   case UR_TYPE_UINT64: nc_json_u64(json, v.u64); break;
   case UR_TYPE_INT8: write_int8(json, data, clean); break;
   case UR_TYPE_INT16: nc_json_i64(json, v.i16); break;
   case UR_TYPE_INT32: nc_json_i64(json, v.i32); break;
   case UR_TYPE_INT64: nc_json_i64(json, v.i64); break;
   case UR_TYPE_FLOAT: nc_json_double(json, (double) v.f); break;
   case UR_TYPE_DOUBLE: nc_json_double(json, v.d); break;
   case UR_TYPE_IP: write_ip(json, data); break;
   case UR_TYPE_MAC: write_mac(json, data, clean); break;
   case UR_TYPE_TIME: write_seconds(json, v.u64); break;
   default: nc_json_raw(json, "null", 4);
   }
}

void value_write_data(nc_json_t *json, uint8_t type, const void *data, size_t length, bool clean)
{
   size_t size = (size_t) abs(ur_field_type_size[type]);
   if (type == UR_TYPE_STRING) {
      nc_json_string(json, data, length);
   } else if (type == UR_TYPE_BYTES) {
      write_bytes(json, data, length, clean);
   } else if (ur_field_type_size[type] < 0) {
      nc_json_raw(json, "[", 1);
      for (size_t i = 0; i < length / size; i++) {
         nc_json_raw(json, ", ", i > 0 ? 2 : 0);
         write_scalar(json, (uint8_t) ur_field_array_elem_type[type], (const char *) data + i * size, clean);
      }
      nc_json_raw(json, "]", 1);
   } else {
      write_scalar(json, type, data, clean);
   }
}

void value_write(nc_json_t *json, const nm_field_t *f, const void *rec, bool clean)
{
   uint32_t length;
   const char *data = nm_field_data(f, rec, &length);
   value_write_data(json, f->type, data, length, clean);
}

void value_write_time(nc_json_t *json, uint64_t seconds)
{
   time_t t = (time_t) seconds;
   struct tm tm;
   char text[40];
   size_t n = gmtime_r(&t, &tm) != NULL ? strftime(text, sizeof(text), "\"%Y-%m-%dT%H:%M:%SZ\"", &tm) : 0;
   nc_json_raw(json, n > 0 ? text : "null", n > 0 ? n : 4);
}
