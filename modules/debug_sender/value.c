/* SPDX-License-Identifier: BSD-3-Clause */
#include "value.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unirec/unirec2csv.h>

#define MAX_TEXT (1u << 22) /* of a field; the longest, an array of doubles, has 2.7 million characters */

static bool is_integer(ur_field_type_t type)
{
   switch (type) {
   case UR_TYPE_UINT8:
   case UR_TYPE_UINT16:
   case UR_TYPE_UINT32:
   case UR_TYPE_UINT64:
   case UR_TYPE_INT8:
   case UR_TYPE_INT16:
   case UR_TYPE_INT32:
   case UR_TYPE_INT64: return true;
   default: return false;
   }
}

static bool is_floating(ur_field_type_t type)
{
   return type == UR_TYPE_FLOAT || type == UR_TYPE_DOUBLE;
}

bool value_is_relative(ur_field_id_t id, const char *text)
{
   ur_field_type_t type = ur_get_type(id);
   if (type == UR_TYPE_TIME && strncmp(text, "now", 3) == 0) {
      return true;
   }
   bool has = is_integer(type) || is_floating(type) || type == UR_TYPE_TIME || type == UR_TYPE_IP;
   return has && (*text == '+' || *text == '-');
}

/* An integer with its sign. */
static bool read_integer(const char *text, uint64_t *value)
{
   char *end = NULL;
   bool negative = *text == '-';
   text += *text == '-' || *text == '+';
   errno = 0;
   uint64_t v = strtoull(text, &end, 10);
   *value = negative ? -v : v;
   return *text >= '0' && *text <= '9' && *end == 0 && errno == 0;
}

static bool read_double(const char *text, double *value)
{
   char *end = NULL;
   *value = strtod(text, &end);
   return end != text && *end == 0;
}

static bool add_integer(void *at, uint32_t size, const char *text)
{
   uint64_t by;
   if (!read_integer(text, &by)) {
      return false;
   }
   switch (size) {
   case 1: *(uint8_t *) at = (uint8_t) (*(uint8_t *) at + by); break;
   case 2: *(ur_u_uint16_t *) at = (uint16_t) (*(ur_u_uint16_t *) at + by); break;
   case 4: *(ur_u_uint32_t *) at = (uint32_t) (*(ur_u_uint32_t *) at + by); break;
   default: *(ur_u_uint64_t *) at += by; break;
   }
   return true;
}

static bool add_floating(void *at, ur_field_type_t type, const char *text)
{
   double by;
   if (!read_double(text, &by)) {
      return false;
   }
   if (type == UR_TYPE_FLOAT) {
      *(ur_u_float *) at = (float) ((double) *(ur_u_float *) at + by);
   } else {
      *(ur_u_double *) at += by;
   }
   return true;
}

/* Seconds, with a fraction. */
static bool add_time(void *at, const char *text)
{
   double by = 0;
   ur_time_t time = *(ur_u_uint64_t *) at;
   if (strncmp(text, "now", 3) == 0) {
      struct timespec now;
      clock_gettime(CLOCK_REALTIME, &now);
      time = ur_time_from_sec_nsec((uint64_t) now.tv_sec, (uint64_t) now.tv_nsec);
      text += 3;
      if (*text != 0 && *text != '+' && *text != '-') {
         return false;
      }
   }
   if (*text != 0 && (!read_double(text, &by) || !(by > -4294967296.0 && by < 4294967296.0))) {
      return false;
   }
   *(ur_u_uint64_t *) at = time + (ur_time_t) (int64_t) (by * 4294967296.0); /* the unit is 1/2^32 second */
   return true;
}

/* Addresses are numbers in network byte order. */
static bool add_address(void *at, const char *text)
{
   ip_addr_t ip;
   uint64_t by;
   if (!read_integer(text, &by)) {
      return false;
   }
   bool negative = *text == '-';
   memcpy(&ip, at, sizeof(ip));
   bool four = ip_is4(&ip);
   uint8_t *bytes = four ? (uint8_t *) &ip + 8 : (uint8_t *) &ip;
   unsigned carry = 0;
   for (int i = four ? 3 : 15, n = 0; i >= 0; i--, n++) {
      unsigned add = n < 8 ? (unsigned) (by >> (8 * n) & 0xff) : negative && by != 0 ? 0xff : 0;
      unsigned sum = bytes[i] + add + carry;
      bytes[i] = (uint8_t) sum;
      carry = sum >> 8;
   }
   memcpy(at, &ip, sizeof(ip));
   return true;
}

/* Arrays may be written as they are displayed, "[1|2]". */
static void separate_by_blanks(char *text)
{
   for (; *text != 0; text++) {
      *text = strchr("[|]", *text) != NULL ? ' ' : *text;
   }
}

static bool set_text(const ur_template_t *t, void *rec, ur_field_id_t id, const char *text)
{
   char *copy = malloc(UR_MAX_SIZE), *words = strdup(text);
   bool good = copy != NULL && words != NULL;
   if (good) {
      memcpy(copy, rec, ur_rec_size(t, rec));
      if (ur_get_type(id) >= UR_TYPE_A_UINT8) {
         separate_by_blanks(words);
      }
      good = ur_set_from_string_strict(t, copy, id, words) == 0;
   }
   if (good) {
      memcpy(rec, copy, ur_rec_size(t, copy));
   }
   free(copy);
   free(words);
   return good;
}

bool value_set(const ur_template_t *t, void *rec, ur_field_id_t id, const char *text)
{
   ur_field_type_t type = ur_get_type(id);
   void *at = UR_AT_(rec, t->offset[id]);
   if (!value_is_relative(id, text)) {
      return set_text(t, rec, id, text);
   }
   return type == UR_TYPE_TIME ? add_time(at, text)
          : type == UR_TYPE_IP ? add_address(at, text)
          : is_floating(type)  ? add_floating(at, type, text)
                               : add_integer(at, (uint32_t) ur_get_size(id), text);
}

char *value_text(const ur_template_t *t, const void *rec, ur_field_id_t id)
{
   char *text = malloc(MAX_TEXT);
   if (text != NULL) {
      int n = urcsv_field(text, MAX_TEXT - 1, rec, (ur_field_type_t) id, (ur_template_t *) (uintptr_t) t);
      text[n > 0 ? n : 0] = 0;
   }
   return text;
}
