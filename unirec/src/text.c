/* SPDX-License-Identifier: BSD-3-Clause */
#include "text.h"

static const char hex_digits[] = "0123456789abcdef";

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                            "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

/* 0 to 255, each followed by a dot; fewer characters are used as needed. */
#define OCTETS_10(tens)                                                                                    \
   {tens "0."}, {tens "1."}, {tens "2."}, {tens "3."}, {tens "4."}, {tens "5."}, {tens "6."}, {tens "7."}, \
       {tens "8."},                                                                                        \
   {                                                                                                       \
      tens "9."                                                                                            \
   }
#define OCTETS_90(hundreds)                                                                                \
   OCTETS_10(hundreds "1"), OCTETS_10(hundreds "2"), OCTETS_10(hundreds "3"), OCTETS_10(hundreds "4"),     \
       OCTETS_10(hundreds "5"), OCTETS_10(hundreds "6"), OCTETS_10(hundreds "7"), OCTETS_10(hundreds "8"), \
       OCTETS_10(hundreds "9")
static const char octets[256][4] = {OCTETS_10(""),   OCTETS_90(""),   OCTETS_10("10"), OCTETS_90("1"),
                                    OCTETS_10("20"), OCTETS_10("21"), OCTETS_10("22"), OCTETS_10("23"),
                                    OCTETS_10("24"), {"250."},        {"251."},        {"252."},
                                    {"253."},        {"254."},        {"255."}};

/* Writes four bytes, of which those that count are in front. */
static char *put_octet(char *to, uint8_t v)
{
   memcpy(to, octets[v], 4);
   return to + 1 + (v >= 10) + (v >= 100);
}

/* Decimal digits of v. */
static unsigned count_digits(uint64_t v)
{
   static const uint64_t powers[] = {0,
                                     10,
                                     100,
                                     1000,
                                     10000,
                                     100000,
                                     1000000,
                                     10000000,
                                     100000000,
                                     1000000000,
                                     10000000000,
                                     100000000000,
                                     1000000000000,
                                     10000000000000,
                                     100000000000000,
                                     1000000000000000,
                                     10000000000000000,
                                     100000000000000000,
                                     1000000000000000000,
                                     UINT64_C(10000000000000000000)};
   unsigned about = (64 - (unsigned) __builtin_clzll(v | 1)) * 1233 >> 12; /* log10(2) is 1233/4096 */
   return about + (v >= powers[about]);
}

static char *put_uint(char *to, uint64_t v)
{
   if (v < 256) {
      return put_octet(to, (uint8_t) v);
   }
   char *end = to + count_digits(v), *p = end;
   while (v >= 100) {
      p -= 2;
      memcpy(p, pairs + 2 * (v % 100), 2);
      v /= 100;
   }
   if (v >= 10) {
      memcpy(p - 2, pairs + 2 * v, 2);
   } else {
      p[-1] = (char) ('0' + v);
   }
   return end;
}

static char *put_int(char *to, int64_t v)
{
   if (v < 0) {
      *to++ = '-';
      return put_uint(to, 0 - (uint64_t) v);
   }
   return put_uint(to, (uint64_t) v);
}

static char *put_2(char *to, uint32_t v)
{
   memcpy(to, pairs + 2 * v, 2);
   return to + 2;
}

/* Days since 1970-01-01 to a date of the Gregorian calendar; the year is counted from March. */
static char *put_date(char *to, uint32_t days)
{
   uint32_t z = days + 719468, era = z / 146097, of_era = z % 146097;
   uint32_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
   uint32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
   uint32_t m = (5 * of_year + 2) / 153;
   uint32_t day = of_year - (153 * m + 2) / 5 + 1;
   uint32_t month = m < 10 ? m + 3 : m - 9;
   uint32_t year = year_of_era + era * 400 + (month <= 2);
   to = put_2(put_2(to, year / 100), year % 100);
   *to++ = '-';
   to = put_2(to, month);
   *to++ = '-';
   return put_2(to, day);
}

static char *put_time(char *to, ur_time_t t)
{
   uint32_t seconds = ur_time_get_sec(t), rest = seconds % 86400, us = ur_time_get_usec(t);
   to = put_date(to, seconds / 86400);
   *to++ = 'T';
   to = put_2(to, rest / 3600);
   *to++ = ':';
   to = put_2(to, rest / 60 % 60);
   *to++ = ':';
   to = put_2(to, rest % 60);
   *to++ = '.';
   return put_2(put_2(put_2(to, us / 10000), us / 100 % 100), us % 100);
}

static char *put_ip(char *to, const ip_addr_t *ip)
{
   if (!ip_is4(ip)) {
      inet_ntop(AF_INET6, ip, to, INET6_ADDRSTRLEN);
      return to + strlen(to);
   }
   const uint8_t *b = (const uint8_t *) ip + 8;
   for (int i = 0; i < 4; i++) {
      to = put_octet(to, b[i]) + 1; /* and the dot */
   }
   return to - 1;
}

static char *put_double(char *to, double v)
{
   int n = snprintf(to, MAX_VALUE_TEXT, "%f", v);
   for (int i = 0; i < n; i++) {
      if (to[i] == ',') { /* some locales have a decimal comma */
         to[i] = '.';
      }
   }
   return to + n;
}

__attribute__((always_inline)) static inline char *put_value(char *to, ur_field_type_t type,
                                                             const void *value)
{
   float f;
   double d;
   switch (type) {
   case UR_TYPE_UINT8: return put_uint(to, *(const uint8_t *) value);
   case UR_TYPE_INT8: return put_int(to, *(const int8_t *) value);
   case UR_TYPE_UINT16: return put_uint(to, *(const ur_u_uint16_t *) value);
   case UR_TYPE_INT16: return put_int(to, *(const ur_u_int16_t *) value);
   case UR_TYPE_UINT32: return put_uint(to, *(const ur_u_uint32_t *) value);
   case UR_TYPE_INT32: return put_int(to, *(const ur_u_int32_t *) value);
   case UR_TYPE_UINT64: return put_uint(to, *(const ur_u_uint64_t *) value);
   case UR_TYPE_INT64: return put_int(to, *(const ur_u_int64_t *) value);
   case UR_TYPE_FLOAT: memcpy(&f, value, sizeof(f)); return put_double(to, (double) f);
   case UR_TYPE_DOUBLE: memcpy(&d, value, sizeof(d)); return put_double(to, d);
   case UR_TYPE_IP: return put_ip(to, value);
   case UR_TYPE_MAC: mac_to_str(value, to); return to + MAC_STR_LEN - 1;
   case UR_TYPE_TIME: return put_time(to, *(const ur_u_uint64_t *) value);
   default: return to;
   }
}

char *text_value(char *to, ur_field_type_t type, const void *value)
{
   return put_value(to, type, value);
}

char *text_columns(char *to, const struct text_column *columns, size_t n, const void *rec, char delimiter)
{
   for (size_t i = 0; i < n; i++) {
      to = put_value(to, (ur_field_type_t) columns[i].type, UR_AT_(rec, columns[i].offset));
      *to++ = delimiter;
   }
   return to;
}

/* Maximum length of the text of one array element. */
static size_t value_bound(ur_field_type_t type)
{
   switch (type) {
   case UR_TYPE_FLOAT:
   case UR_TYPE_DOUBLE: return MAX_VALUE_TEXT;
   case UR_TYPE_IP: return INET6_ADDRSTRLEN;
   default: return 26; /* a time; integers have up to 20 */
   }
}

size_t text_bound(ur_field_type_t type, size_t length)
{
   if (type == UR_TYPE_BYTES) {
      return 2 * length;
   }
   ur_field_type_t element = (ur_field_type_t) ur_field_array_elem_type[type];
   return length / (size_t) ur_field_type_size[element] * (value_bound(element) + 1) + MAX_VALUE_TEXT;
}

char *text_var(char *to, ur_field_type_t type, const void *data, size_t length)
{
   const uint8_t *p = data;
   if (type == UR_TYPE_BYTES) {
      for (size_t i = 0; i < length; i++) {
         *to++ = hex_digits[p[i] >> 4];
         *to++ = hex_digits[p[i] & 15];
      }
      return to;
   }
   ur_field_type_t element = (ur_field_type_t) ur_field_array_elem_type[type];
   size_t step = (size_t) ur_field_type_size[element];
   *to++ = '[';
   for (size_t i = 0; i + step <= length; i += step) {
      if (i > 0) {
         *to++ = '|';
      }
      to = text_value(to, element, p + i);
   }
   *to++ = ']';
   return to;
}

UR_PUBLIC char *ur_cpy_string(const char *str)
{
   return str != NULL ? strdup(str) : NULL;
}
