/* SPDX-License-Identifier: BSD-3-Clause */
/** Numbers of JSON as Python writes them. */
#include <nemea-common/nc_json.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fewest digits that read back as the same number, "d.ddde[+-]xx". 15 digits suffice or are too few, but for subnormal numbers. */
static void shortest(double value, char text[32])
{
   int precision = fabs(value) < 2.3e-308 ? 0 : 14;
   do {
      snprintf(text, 32, "%.*e", precision, value);
   } while (strtod(text, NULL) != value && ++precision < 17);
}

void nc_json_double(nc_json_t *json, double value)
{
   char text[32], out[48], *to = out;
   if (!isfinite(value)) {
      const char *word = isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
      nc_json_raw(json, word, strlen(word));
      return;
   }
   shortest(value, text);
   char digits[20], *p = text;
   int n = 0;
   if (*p == '-') {
      *to++ = *p++;
   }
   for (; *p != 'e'; p++) {
      if (*p >= '0' && *p <= '9') { /* whatever the locale's decimal point is */
         digits[n++] = *p;
      }
   }
   while (n > 1 && digits[n - 1] == '0') {
      n--;
   }
   int exponent = atoi(p + 1);
   if (exponent < -4 || exponent >= 16) {
      *to++ = digits[0];
      if (n > 1) {
         *to++ = '.';
         memcpy(to, digits + 1, (size_t) n - 1);
         to += n - 1;
      }
      to += snprintf(to, 8, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
   } else {
      int at = exponent < 0 ? exponent : 0; /* position of the digit that comes next */
      for (; at < 0; at++) {
         *to++ = '0';
         if (at == exponent) {
            *to++ = '.';
         }
      }
      for (int i = 0; i < n || i <= exponent; i++) {
         *to++ = i < n ? digits[i] : '0';
         if (i == exponent) {
            *to++ = '.';
         }
      }
      if (to[-1] == '.') {
         *to++ = '0';
      }
   }
   nc_json_raw(json, out, (size_t) (to - out));
}
