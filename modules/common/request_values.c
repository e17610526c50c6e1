/* SPDX-License-Identifier: BSD-3-Clause */
#include "request_values.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unirec/unirec.h>

bool request_refuse(char why[REQUEST_ERROR], const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   vsnprintf(why, REQUEST_ERROR, format, ap);
   va_end(ap);
   return false;
}

bool request_time(const char *key, const json_t *value, int64_t *us, char why[REQUEST_ERROR])
{
   ur_time_t time;
   double seconds = json_number_value(value);
   if (json_is_string(value) && ur_time_from_string(&time, json_string_value(value)) == 0) {
      *us = (int64_t) ur_time_get_sec(time) * 1000000 + ur_time_get_usec(time);
      return true;
   }
   if (!json_is_number(value) || !(fabs(seconds) < 1e11)) {
      return request_refuse(
          why, "\"%s\": expected seconds since 1970, or a time in UTC as \"2026-01-31T08:00:00Z\"", key);
   }
   *us = (int64_t) (seconds * 1e6);
   return true;
}

bool request_number(const char *key, const json_t *value, int64_t min, int64_t max, int64_t *to,
                    char why[REQUEST_ERROR])
{
   json_int_t n = json_integer_value(value);
   if (!json_is_integer(value) || n < min || n > max) {
      return request_refuse(why, "\"%s\": expected a number from %lld to %lld", key, (long long) min,
                            (long long) max);
   }
   *to = n;
   return true;
}

bool request_hosts(const char *key, const char *text, struct request_hosts *h, char why[REQUEST_ERROR])
{
   char address[INET6_ADDRSTRLEN], *end = NULL;
   const char *slash = strchr(text, '/');
   size_t n = slash != NULL ? (size_t) (slash - text) : strlen(text);
   memset(h, 0, sizeof(*h));
   if (n < sizeof(address)) {
      memcpy(address, text, n);
      address[n] = 0;
      h->size = inet_pton(AF_INET, address, h->from) == 1    ? 4
                : inet_pton(AF_INET6, address, h->from) == 1 ? 16
                                                             : 0;
   }
   unsigned long bits = slash != NULL && slash[1] >= '0' && slash[1] <= '9' ? strtoul(slash + 1, &end, 10)
                                                                            : 8u * (unsigned) h->size;
   if (h->size == 0 || bits > 8u * (unsigned) h->size || (slash != NULL && (end == NULL || *end != 0))) {
      h->size = 0;
      return request_refuse(why, "\"%s\": \"%.64s\" is neither an address nor a network (192.0.2.0/24)", key,
                            text);
   }
   for (unsigned i = 0; i < (unsigned) h->size; i++) {
      unsigned kept = bits > 8 * i ? bits - 8 * i < 8 ? (unsigned) bits - 8 * i : 8 : 0;
      uint8_t mask = (uint8_t) (0xff00u >> kept);
      h->from[i] &= mask;
      h->to[i] = (uint8_t) (h->from[i] | (uint8_t) ~mask);
   }
   return true;
}
