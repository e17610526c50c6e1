/* SPDX-License-Identifier: BSD-3-Clause */
/** Log files: the flows of a pair that was found. */
#include "amplification.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void write_item(FILE *to, const struct item *item, char direction)
{
   char text[32];
   struct tm tm;
   time_t seconds = (time_t) ur_time_get_sec(item->first);
   gmtime_r(&seconds, &tm);
   strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
   fprintf(to, "%s.%03u\t%c\t%" PRIu32 "\t%" PRIu64 "\n", text, (unsigned) ur_time_get_msec(item->first),
           direction, item->packets, item->bytes);
}

/* Both directions by time. */
static void write_items(const struct pool *pool, const struct pair *pair, FILE *to)
{
   const struct queue *q = &pair->items[QUERIES], *r = &pair->items[RESPONSES];
   struct queue_cursor cq = queue_begin(q), cr = queue_begin(r);
   const struct item *query = queue_next(pool, q, &cq), *response = queue_next(pool, r, &cr);
   while (query != NULL || response != NULL) {
      if (response == NULL || (query != NULL && query->first <= response->first)) {
         write_item(to, query, 'Q');
         query = queue_next(pool, q, &cq);
      } else {
         write_item(to, response, 'R');
         response = queue_next(pool, r, &cr);
      }
   }
}

void pair_log(nm_module_t *m, const struct pair *pair, bool big)
{
   struct amplification *self = nm_self(m);
   const struct pair_key *key = nc_table_key(self->pairs, pair);
   char path[PATH_MAX], server[INET6_ADDRSTRLEN], victim[INET6_ADDRSTRLEN];
   size_t n = strlen(self->log_dir);
   ip_to_str(&key->server, server);
   ip_to_str(&key->victim, victim);
   const char *slash = n > 0 && self->log_dir[n - 1] == '/' ? "" : "/";
   int length = snprintf(path, sizeof(path), "%s%s%s%s-%s.log", self->log_dir, slash, big ? "BIG/" : "",
                         server, victim);
   int fd = length < (int) sizeof(path)
                ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666)
                : -1;
   FILE *to = fd >= 0 ? fdopen(fd, "ae") : NULL;
   if (to == NULL) {
      self->log_errors++;
      nm_warn(m, "cannot write log file %s: %s", path,
              strerror(length < (int) sizeof(path) ? errno : ENAMETOOLONG));
      if (fd >= 0) {
         close(fd);
      }
      return;
   }
   fprintf(to, "Abused server IP: %s   Target IP: %s\n", server, victim);
   write_items(&self->pool, pair, to);
   if (fclose(to) != 0) {
      self->log_errors++;
      nm_warn(m, "cannot write log file %s: %s", path, strerror(errno));
   }
}
