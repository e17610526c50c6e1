/* SPDX-License-Identifier: BSD-3-Clause */
#include "bar.h"
#include "analysis.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define BAR 30 /* characters */

bool bar_show(const char *progress, uint64_t elapsed)
{
   uint64_t done = 0, total = 0, packets = 0;
   if (!isatty(STDERR_FILENO) ||
       sscanf(progress, "%" SCNu64 " %" SCNu64 " %" SCNu64, &done, &total, &packets) != 3 || total == 0 ||
       elapsed == 0) {
      return false;
   }
   char bar[BAR + 1], left[32] = "";
   unsigned filled = (unsigned) (done * BAR / total);
   for (unsigned i = 0; i < BAR; i++) {
      bar[i] = i < filled ? '#' : '.';
   }
   bar[BAR] = 0;
   if (done > 0) {
      format_duration((total - (done < total ? done : total)) * elapsed / done / 1000, left, sizeof(left));
   }
   fprintf(stderr, "\r[%s] %3u %%  %.1f Mpkt/s  %s left   ", bar, (unsigned) (done * 100 / total),
           (double) packets / (double) elapsed / 1000, left);
   return true;
}

void bar_clear(void)
{
   fprintf(stderr, "\r%*s\r", BAR + 50, "");
}
