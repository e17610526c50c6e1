/* SPDX-License-Identifier: BSD-3-Clause */
#include "statistics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int statistics_open(nm_module_t *m, struct statistics *s)
{
   int rc = s->directory != NULL ? appfs_open(m, s->directory, &s->fs) : NM_OK;
   if (rc == NM_OK && s->fs != NULL) {
      nm_set_timer(m, NM_SECONDS(1));
   }
   return rc;
}

void statistics_file(nm_module_t *m, const struct statistics *s, const char *folder, const char *name,
                     const char *format, ...)
{
   char *text = NULL;
   va_list ap;
   if (s->fs == NULL) {
      return;
   }
   va_start(ap, format);
   int n = vasprintf(&text, format, ap);
   va_end(ap);
   if (n < 0 || !appfs_publish(s->fs, folder, name, text, (size_t) n)) {
      nm_warn(m, "out of memory for the statistics; readers get the old ones");
   }
   if (n >= 0) {
      free(text);
   }
}

void statistics_input(nm_module_t *m, const struct statistics *s)
{
   uint64_t records = nm_counter_value(m, "records"), missed = nm_counter_value(m, "missed");
   double percent = records + missed > 0 ? 100.0 * (double) missed / (double) (records + missed) : 0;
   statistics_file(m, s, "input", "stats",
                   "receivedBytes: %" PRIu64 "\nreceivedRecords: %" PRIu64 "\nmissedRecords: %" PRIu64
                   "\nmissed: %.2f %%\n",
                   s->bytes, records, missed, percent);
}

void statistics_close(struct statistics *s)
{
   appfs_close(s->fs);
   s->fs = NULL;
}
