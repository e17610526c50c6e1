/* SPDX-License-Identifier: BSD-3-Clause */
/** Look-ups in an archive of flow_archive: files are skipped by the times in their names and trailers, and by their filters. */
#include "flows.h"

#include "archive_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A query with no hosts has no use for filters. */
static bool may_have(const struct flows_query *q, const nc_bloom_t *filter)
{
   for (int e = 0; e < 2; e++) {
      bool found = q->ends[e].n == 0;
      for (unsigned i = 0; i < q->ends[e].n && !found; i++) {
         found = archive_filter_may_have(filter, &q->ends[e].hosts[i].ip, q->ends[e].hosts[i].prefix);
      }
      if (!found) {
         return false;
      }
   }
   return true;
}

/* \return whether the filter of a file allows that it has what is asked for; a damaged one does */
static bool filter_allows(int fd, const struct flows *f, const struct archive_footer *footer, uint64_t size,
                          const char *path)
{
   size_t n = (size_t) footer->blocks * NC_BLOOM_BLOCK;
   char why[ARCHIVE_REASON];
   nc_bloom_t filter;
   if ((footer->flags & ARCHIVE_FILTERED) == 0 || (f->q.ends[0].n == 0 && f->q.ends[1].n == 0)) {
      return true;
   }
   uint8_t *words = malloc(n);
   bool allows = true;
   if (words != NULL && pread(fd, words, n, (off_t) (size - ARCHIVE_FOOTER - n)) == (ssize_t) n) {
      if (archive_filter_read(words, footer, &filter, why)) {
         allows = may_have(&f->q, &filter);
         nc_bloom_free(&filter);
      } else {
         cli_error("warning: %s: %s; it is searched without", path, why);
      }
   }
   free(words);
   return allows;
}

/* Decides by its trailer whether a file must be read, and counts it. */
static bool must_be_read(const struct flows *f, const char *path, struct flows_found *found)
{
   struct archive_footer footer;
   struct stat st;
   uint8_t end[ARCHIVE_FOOTER];
   char why[ARCHIVE_REASON] = "";
   bool must = true;
   int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
   if (fd < 0 && errno == ENOENT) {
      found->files--; /* deleted since: it was too old */
      return false;
   }
   if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > ARCHIVE_FOOTER &&
       pread(fd, end, sizeof(end), st.st_size - ARCHIVE_FOOTER) == (ssize_t) sizeof(end) &&
       archive_footer_read(end, (uint64_t) st.st_size, &footer, why)) {
      bool timed = (footer.flags & ARCHIVE_TIMED) != 0;
      if (timed && ((f->q.since != 0 && footer.last < f->q.since) ||
                    (f->q.until != 0 && footer.first >= f->q.until))) {
         found->by_time++;
         must = false;
      } else if (!filter_allows(fd, f, &footer, (uint64_t) st.st_size, path)) {
         found->by_filter++;
         must = false;
      }
   }
   if (*why != 0) {
      cli_error("warning: %s: %s; it is searched without", path, why);
   }
   if (fd >= 0) {
      close(fd);
   }
   return must;
}

static int is_file(const struct dirent *e)
{
   struct archive_name name;
   return archive_name_read(e->d_name, &name) && !name.damaged;
}

static int is_day(const struct dirent *e)
{
   uint32_t begin;
   return archive_day_read(e->d_name, &begin);
}

static void read_day(struct flows *f, const char *day, struct flows_found *found)
{
   struct dirent **entries = NULL;
   int n = scandir(day, &entries, is_file, alphasort);
   if (n < 0 && errno != ENOENT) {
      cli_error("%s: %s", day, strerror(errno));
      f->status = CLI_INPUT;
   }
   for (int i = 0; i < n; i++) {
      struct archive_name name;
      char path[PATH_MAX];
      int length = snprintf(path, sizeof(path), "%s/%s", day, entries[i]->d_name);
      if (!f->stop && !flows_interrupted() && length < (int) sizeof(path) &&
          archive_name_read(entries[i]->d_name, &name)) {
         found->files++;
         if (f->q.since != 0 && (uint64_t) name.begin + name.seconds <= ur_time_get_sec(f->q.since)) {
            found->by_time++; /* all of its flows ended before */
         } else if (must_be_read(f, path, found)) {
            found->read++;
            if (!flows_read_file(f, path, name.part) && f->status == CLI_OK) {
               f->status = CLI_INPUT;
            }
         }
      }
      free(entries[i]);
   }
   if (n >= 0) {
      free(entries);
   }
}

bool flows_read_archive(struct flows *f, const char *directory, struct flows_found *found, char *why,
                        size_t size)
{
   struct dirent **days = NULL;
   memset(found, 0, sizeof(*found));
   int n = scandir(directory, &days, is_day, alphasort);
   if (n < 0) {
      snprintf(why, size, "%s: %s", directory, strerror(errno));
      return false;
   }
   for (int i = 0; i < n; i++) {
      char path[PATH_MAX];
      if (!f->stop && !flows_interrupted() &&
          snprintf(path, sizeof(path), "%s/%s", directory, days[i]->d_name) < (int) sizeof(path)) {
         read_day(f, path, found);
      }
      free(days[i]);
   }
   free(days);
   if (n == 0) {
      snprintf(why, size, "%s: no directory of a day is in it", directory);
   }
   return n > 0;
}
