/* SPDX-License-Identifier: BSD-3-Clause */
/** Time stamps from text. */
#include "internal.h"
#include "parse_fast.h"

/* Reads n decimal digits. \return false if there are fewer */
static bool digits(const char **p, int n, uint32_t *value)
{
   *value = 0;
   for (int i = 0; i < n; i++, (*p)++) {
      if (**p < '0' || **p > '9') {
         return false;
      }
      *value = *value * 10 + (uint32_t) (**p - '0');
   }
   return true;
}

static bool expect(const char **p, char c)
{
   bool is = **p == c;
   *p += is;
   return is;
}

/* Days from 1970-01-01 to a valid date. */
static int64_t days_from_date(uint32_t year, uint32_t month, uint32_t day)
{
   int64_t y = (int64_t) year - (month <= 2);
   int64_t era = y / 400;
   uint32_t of_era = (uint32_t) (y % 400);
   uint32_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
   return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* \return false: there is no such time */
static inline bool time_of(const struct time_parts *p, ur_time_t *t)
{
   static const uint8_t length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
   bool leap = (p->year % 4 == 0 && p->year % 100 != 0) || p->year % 400 == 0;
   if (p->month < 1 || p->month > 12 || p->day < 1 ||
       p->day > length[p->month - 1] + (uint32_t) (p->month == 2 && leap) || p->hour > 23 || p->minute > 59 ||
       p->second > 60) {
      return false;
   }
   int64_t s =
       days_from_date(p->year, p->month, p->day) * 86400 + p->hour * 3600 + p->minute * 60 + p->second;
   if (s < 0 || s > UINT32_MAX) {
      return false;
   }
   *t = ur_time_from_sec_nsec(s, p->ns);
   return true;
}

const char *parse_time_at(const char *p, const char *end, ur_time_t *t)
{
   struct time_parts parts;
   if (end - p >= FAST_TIME && fast_time(p, &parts)) {
      return time_of(&parts, t) ? p + FAST_TIME - 1 : NULL;
   }
   return parse_time(p, t);
}

const char *parse_time(const char *p, ur_time_t *t)
{
   struct time_parts parts = {0};
   while (*p == ' ' || (*p >= '\t' && *p <= '\r')) {
      p++;
   }
   if (!digits(&p, 4, &parts.year) || !expect(&p, '-') || !digits(&p, 2, &parts.month) || !expect(&p, '-') ||
       !digits(&p, 2, &parts.day) || !expect(&p, 'T') || !digits(&p, 2, &parts.hour) || !expect(&p, ':') ||
       !digits(&p, 2, &parts.minute) || !expect(&p, ':') || !digits(&p, 2, &parts.second)) {
      return NULL;
   }
   if (expect(&p, '.')) {
      uint32_t scale = 100000000;
      for (; *p >= '0' && *p <= '9'; p++, scale /= 10) {
         parts.ns += (uint32_t) (*p - '0') * scale;
      }
   }
   if (*p == 'Z' || *p == 'z') {
      p++;
   }
   return time_of(&parts, t) ? p : NULL;
}

UR_PUBLIC uint8_t ur_time_from_string(ur_time_t *ur, const char *str)
{
   ur_time_t t;
   if (ur == NULL || str == NULL) {
      return 2;
   }
   const char *end = parse_time(str, &t);
   bool good = end != NULL && *end == 0;
   *ur = good ? t : 0;
   return good ? 0 : 1;
}
