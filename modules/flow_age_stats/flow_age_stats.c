/* SPDX-License-Identifier: BSD-3-Clause */
/** flow_age_stats: how old flow records are when they arrive. */
#include <errno.h>
#include <inttypes.h>
#include <nemea/module.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ages.h"
#include "fields.h"

NM_FIELDS(time TIME_FIRST, time TIME_LAST)

struct column {
   const char *path;
   FILE *file;
   struct ages ages;
};

struct age_stats {
   bool table;
   struct timespec start;
   bool started;
   struct column first, last;
};

static const nm_option_t options[] = {
    NM_FLAG('t', "table", struct age_stats, table,
            "Write the distributions to time_first.txt and time_last.txt in the current directory."),
    NM_END,
};

static int open_table(nm_module_t *m, struct column *column, const char *path)
{
   column->path = path;
   column->file = fopen(path, "we");
   return column->file != NULL ? NM_OK : nm_fail(m, "cannot write to %s: %s", path, strerror(errno));
}

static int init(nm_module_t *m)
{
   struct age_stats *self = nm_self(m);
   int rc = self->table ? open_table(m, &self->first, "time_first.txt") : NM_OK;
   rc = self->table && rc == NM_OK ? open_table(m, &self->last, "time_last.txt") : rc;
   clock_gettime(CLOCK_MONOTONIC, &self->start);
   self->started = rc == NM_OK;
   return rc;
}

/* All records of a batch were there when it was received. */
static int records(nm_module_t *m, const nm_record_t *recs, uint32_t n)
{
   struct age_stats *self = nm_self(m);
   uint64_t now = (uint64_t) time(NULL);
   const uint16_t first = nm_in(m)->offset[F_TIME_FIRST], last = nm_in(m)->offset[F_TIME_LAST];
   for (uint32_t i = 0; i < n; i++) {
      ages_add(&self->first.ages, now, *(const ur_u_uint64_t *) UR_AT_(recs[i].data, first));
      ages_add(&self->last.ages, now, *(const ur_u_uint64_t *) UR_AT_(recs[i].data, last));
   }
   return NM_OK;
}

static int write_table(nm_module_t *m, struct column *column)
{
   if (column->file == NULL) {
      return NM_OK;
   }
   ages_table(&column->ages, column->file);
   bool good = !ferror(column->file);
   good = fclose(column->file) == 0 && good;
   column->file = NULL;
   return good ? NM_OK : nm_fail(m, "cannot write to %s: %s", column->path, strerror(errno));
}

static int finish(nm_module_t *m)
{
   struct age_stats *self = nm_self(m);
   int first = write_table(m, &self->first), last = write_table(m, &self->last);
   return first == NM_OK ? last : first;
}

/* Here, so that an error does not lose what was counted. */
static void cleanup(nm_module_t *m)
{
   struct age_stats *self = nm_self(m);
   struct timespec now;
   if (self->started) {
      clock_gettime(CLOCK_MONOTONIC, &now);
      double runtime =
          (double) (now.tv_sec - self->start.tv_sec) + (double) (now.tv_nsec - self->start.tv_nsec) / 1e9;
      printf("\nRuntime: %0.2fs\nNumber of flows processed: %" PRIu64 "\n \n", runtime,
             self->first.ages.count);
      ages_print(&self->first.ages, "time_first", stdout);
      ages_print(&self->last.ages, "time_last", stdout);
   }
   if (self->first.file != NULL) {
      fclose(self->first.file);
   }
   if (self->last.file != NULL) {
      fclose(self->last.file);
   }
}

NM_MODULE("flow_age_stats",
          "Measures how old flow records are when they arrive: the time from TIME_FIRST and TIME_LAST until "
          "now. The "
          "statistics are "
          "written to standard output at the end.",
          .in = NM_INPUTS({"flows", "time TIME_FIRST,time TIME_LAST"}), .options = options,
          .state_size = sizeof(struct age_stats), .init = init, .records = records, .finish = finish,
          .cleanup = cleanup)
