/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Log files are kept within a size: one that is larger becomes FILE.1, that before FILE.2, and so on. It is copied and
 * emptied rather than renamed, since modules have it open; all write to its end.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool copy(int from, int to)
{
   char bytes[65536];
   ssize_t n;
   while ((n = read(from, bytes, sizeof(bytes))) > 0) {
      for (ssize_t done = 0; done < n;) {
         ssize_t written = write(to, bytes + done, (size_t) (n - done));
         if (written < 0) {
            return false;
         }
         done += written;
      }
   }
   return n == 0;
}

static void shift(const char *path, uint32_t files)
{
   char from[PATH_MAX], to[PATH_MAX];
   for (uint32_t i = files - 1; i > 1; i--) {
      (void) snprintf(from, sizeof(from), "%s.%u", path, i - 1);
      (void) snprintf(to, sizeof(to), "%s.%u", path, i);
      (void) rename(from, to);
   }
}

static void cut(struct daemon *d, const char *path, uint64_t bytes, uint32_t files)
{
   struct stat st;
   char old[PATH_MAX];
   int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
   if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t) st.st_size < bytes) {
      if (fd >= 0) {
         close(fd);
      }
      return;
   }
   if (files > 1) {
      shift(path, files);
      (void) snprintf(old, sizeof(old), "%s.1", path);
      int to = open(old, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
      if (to >= 0) {
         (void) copy(fd, to); /* a full disk: the limit counts for more than the log */
         close(to);
      }
   }
   if (ftruncate(fd, 0) != 0) {
      journal_log(d, "ERROR", "The log %s cannot be cut: %s", path, strerror(errno));
   }
   close(fd);
}

void log_limit_apply(struct daemon *d)
{
   static const char *const own[] = {"modules_events", "supervisor_log", "modules_statistics"};
   static const char *const streams[] = {"stdout", "stderr"};
   char path[PATH_MAX];
   for (size_t i = 0; i < 3 && d->log_bytes > 0; i++) {
      (void) snprintf(path, sizeof(path), "%s/%s", d->logs, own[i]);
      cut(d, path, d->log_bytes, d->log_files);
   }
   for (uint32_t i = 0; i < d->n_modules; i++) {
      const struct module *m = d->modules[i];
      bool its = m->log_bytes > 0;
      for (size_t s = 0; s < 2 && (its || d->log_bytes > 0); s++) {
         char *log = journal_module_path(d, m->name, streams[s]);
         if (log != NULL) {
            cut(d, log, its ? m->log_bytes : d->log_bytes, its ? m->log_files : d->log_files);
         }
         free(log);
      }
   }
}
