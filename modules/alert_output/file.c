/* SPDX-License-Identifier: BSD-3-Clause */
/** Messages as lines of a file. */
#include "destination.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST 256 /* lines of one write */

struct file {
   struct destination d;
   const char *path; /* NULL: standard output */
   int fd;
   char *buffer;
   size_t room;
   atomic_bool reopen;
};

static struct file *of(struct destination *d)
{
   return (struct file *) d;
}

static bool open_file(struct file *f, char why[WHY_SIZE])
{
   if (f->fd < 0) {
      f->fd =
          f->path != NULL ? open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640) : STDOUT_FILENO;
   }
   if (f->fd < 0) {
      snprintf(why, WHY_SIZE, "%s", strerror(errno));
   }
   return f->fd >= 0;
}

/* All or nothing: a part of a line that was written is taken back. */
static bool write_all(struct file *f, size_t n, char why[WHY_SIZE])
{
   off_t end = f->path != NULL ? lseek(f->fd, 0, SEEK_END) : -1;
   for (size_t done = 0; done < n;) {
      ssize_t written = write(f->fd, f->buffer + done, n - done);
      if (written < 0 && errno == EINTR) {
         continue;
      }
      if (written <= 0) {
         snprintf(why, WHY_SIZE, "%s", strerror(errno));
         if (end >= 0) {
            (void) !ftruncate(f->fd, end);
         }
         return false;
      }
      done += (size_t) written;
   }
   return true;
}

static enum delivery file_send(struct destination *d, const struct message *m, unsigned n, char why[WHY_SIZE])
{
   struct file *f = of(d);
   size_t all = 0, at = 0;
   if (atomic_exchange(&f->reopen, false) && f->path != NULL && f->fd >= 0) {
      close(f->fd);
      f->fd = -1;
   }
   for (unsigned i = 0; i < n; i++) {
      all += m[i].length + 1;
   }
   if (all > f->room) {
      char *more = realloc(f->buffer, all);
      if (more == NULL) {
         snprintf(why, WHY_SIZE, "out of memory");
         return RETRY;
      }
      f->buffer = more;
      f->room = all;
   }
   for (unsigned i = 0; i < n; i++) {
      memcpy(f->buffer + at, m[i].data, m[i].length);
      at += m[i].length;
      f->buffer[at++] = '\n';
   }
   return open_file(f, why) && write_all(f, all, why) ? DELIVERED : RETRY;
}

static void file_reopen(struct destination *d)
{
   of(d)->reopen = true;
}

static void file_free(struct destination *d)
{
   struct file *f = of(d);
   if (f->fd > STDERR_FILENO) {
      close(f->fd);
   }
   free(f->buffer);
   free(f);
}

struct destination *file_open(const char *path, char why[WHY_SIZE])
{
   struct file *f = calloc(1, sizeof(*f));
   if (f == NULL) {
      snprintf(why, WHY_SIZE, "out of memory");
      return NULL;
   }
   f->d = (struct destination){.send = file_send, .reopen = file_reopen, .free = file_free, .most = MOST};
   f->path = strcmp(path, "-") != 0 ? path : NULL;
   f->fd = -1;
   if (!open_file(f, why)) {
      free(f);
      return NULL;
   }
   return &f->d;
}

bool secret_file(const char *path, char why[WHY_SIZE])
{
   struct stat st;
   if (stat(path, &st) != 0) {
      snprintf(why, WHY_SIZE, "file %s: %s", path, strerror(errno));
      return false;
   }
   if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0 || (st.st_uid != geteuid() && st.st_uid != 0)) {
      snprintf(why, WHY_SIZE, "file %s has a secret: expected a file of this user with mode 0600, not %04o",
               path, (unsigned) st.st_mode & 07777);
      return false;
   }
   return true;
}
