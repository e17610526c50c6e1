/* SPDX-License-Identifier: BSD-3-Clause */
/** Option -t of agg. */
#include "window.h"

#include <ctype.h>
#include <inttypes.h>
#include <nemea-common/nc_text.h>
#include <stdlib.h>

#define LONGEST 21

/* \return the number at the beginning of text; otherwise, if there is none or it is not above 0 */
static uint32_t seconds(const char *text, uint32_t otherwise)
{
   char *end;
   errno = 0;
   long long n = strtoll(text, &end, 10);
   if (end == text || (*end != 0 && *end != ',')) {
      nc_text_line(stderr, "agg: ", "\"%s\" is not a number of seconds, keeping default value.", text);
      return otherwise;
   }
   if (n <= 0 || n > INT32_MAX) {
      nc_text_line(stderr, "agg: ",
                   n <= 0 ? "%lld is not > 0, keeping default value."
                          : "%lld is too large, keeping default value.",
                   n);
      return otherwise;
   }
   return (uint32_t) n;
}

struct window window_parse(const char *text)
{
   const uint32_t otherwise = WINDOW_DEFAULT.active;
   struct window w = {0};
   if (strlen(text) > LONGEST) {
      fprintf(stderr, "agg: Definition string is too long, using default settings.\n");
      return WINDOW_DEFAULT;
   }
   const char *number = text[0] != 0 && text[1] == ':' ? text + 2 : text;
   char type = (char) (number == text ? 'a' : tolower((unsigned char) text[0]));
   const char *comma = strchr(number, ',');
   if (type == 'm' && comma == NULL) {
      fprintf(
          stderr,
          "agg: Wrong timeout type definition \"-t m:Active,Passive\"\nagg: Keeping default timeout type.\n");
      return WINDOW_DEFAULT;
   }
   uint32_t first = seconds(number, otherwise);
   switch (type) {
   case 'g': w.global = first; break;
   case 'p': w.passive = first; break;
   case 'm':
      w.active = first;
      w.passive = seconds(comma + 1, otherwise);
      break;
   case 'a': w.active = first; break;
   default:
      nc_text_line(stderr, "agg: ", "Unknown timeout type '%c', keeping default.", text[0]);
      w.active = first;
   }
   return w;
}
