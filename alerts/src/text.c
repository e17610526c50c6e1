/* SPDX-License-Identifier: BSD-3-Clause */
/** Numbers and times as people read them. */
#include <inttypes.h>
#include <nemea/text.h>
#include <stdio.h>
#include <time.h>

char *format_bytes(double bytes, char *to, size_t size)
{
   static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
   unsigned u = 0;
   while (bytes >= 1000 && u + 1 < sizeof(units) / sizeof(units[0])) {
      bytes /= 1000;
      u++;
   }
   snprintf(to, size, u == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
   return to;
}

char *format_count(uint64_t n, char *to, size_t size)
{
   char digits[32];
   int length = snprintf(digits, sizeof(digits), "%" PRIu64, n);
   size_t at = 0;
   for (int i = 0; i < length && at + 2 < size; i++) {
      if (i > 0 && (length - i) % 3 == 0 && length > 4) {
         to[at++] = ' ';
      }
      to[at++] = digits[i];
   }
   to[at] = 0;
   return to;
}

char *format_counted(uint64_t n, const char *noun, char *to, size_t size)
{
   char count[32];
   snprintf(to, size, "%s %s%s", format_count(n, count, sizeof(count)), noun, n == 1 ? "" : "s");
   return to;
}

char *format_duration(uint64_t s, char *to, size_t size)
{
   if (s == 0) {
      snprintf(to, size, "under 1 s");
   } else if (s < 60) {
      snprintf(to, size, "%" PRIu64 " s", s);
   } else if (s < 3600) {
      snprintf(to, size, "%" PRIu64 " min %02" PRIu64 " s", s / 60, s % 60);
   } else if (s < 86400) {
      snprintf(to, size, "%" PRIu64 " h %02" PRIu64 " min", s / 3600, s / 60 % 60);
   } else {
      snprintf(to, size, "%" PRIu64 " d %02" PRIu64 " h", s / 86400, s / 3600 % 24);
   }
   return to;
}

char *format_time(ur_time_t t, char *to, size_t size)
{
   struct tm tm;
   time_t seconds = ur_time_get_sec(t);
   strftime(to, size, "%Y-%m-%d %H:%M:%S", gmtime_r(&seconds, &tm));
   return to;
}

char *format_rfc3339(ur_time_t t, char *to, size_t size)
{
   char seconds[32];
   format_time(t, seconds, sizeof(seconds));
   seconds[10] = 'T';
   snprintf(to, size, "%s.%06uZ", seconds, ur_time_get_usec(t));
   return to;
}
