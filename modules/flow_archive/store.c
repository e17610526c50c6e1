/* SPDX-License-Identifier: BSD-3-Clause */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DAY        11 /* "2026-11-24/" */
#define MAX_NUMBER 1000000

static void tell(store_warn_fn warn, void *arg, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void tell(store_warn_fn warn, void *arg, const char *format, ...)
{
   char text[STORE_ERROR];
   va_list ap;
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   warn(arg, text);
}

/* ------------------------------------------------------------------- directories */

/* Calls what() with each file of the archive in a day. \return false: a call did, or the day cannot be read */
static bool each_file(struct store *s, const char *day,
                      bool (*what)(struct store *, const struct archive_name *, void *), void *arg)
{
   int fd = openat(s->fd, day, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
   DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
   bool good = dir != NULL;
   if (dir == NULL && fd >= 0) {
      close(fd);
   }
   for (struct dirent *e; good && (e = readdir(dir)) != NULL;) {
      struct archive_name name;
      char path[ARCHIVE_NAME];
      if (archive_name_read(e->d_name, &name)) {
         archive_name_write(&name, path);
         good = strncmp(path, day, DAY - 1) != 0 || what(s, &name, arg);
      }
   }
   if (dir != NULL) {
      closedir(dir);
   }
   return good;
}

static int compare_days(const void *a, const void *b)
{
   return strcmp(a, b);
}

/* The directories of days, by date. \return how many; -1 with errno */
static int list_days(const struct store *s, char (**days)[DAY])
{
   int fd = openat(s->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
   DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
   *days = NULL;
   if (dir == NULL) {
      if (fd >= 0) {
         close(fd);
      }
      return -1;
   }
   for (struct dirent *e; n >= 0 && (e = readdir(dir)) != NULL;) {
      uint32_t begin;
      if (!archive_day_read(e->d_name, &begin)) {
         continue;
      }
      char(*more)[DAY] = realloc(*days, (size_t) (n + 1) * sizeof(*more));
      if (more == NULL) {
         n = -1;
         break;
      }
      *days = more;
      memcpy(more[n++], e->d_name, DAY);
   }
   closedir(dir);
   if (n > 0) {
      qsort(*days, (size_t) n, sizeof(**days), compare_days);
   }
   return n;
}

static off_t size_of(const struct store *s, const char *path)
{
   struct stat st;
   return fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) ? st.st_size : -1;
}

static uint64_t end_of(const struct archive_name *n)
{
   return (uint64_t) n->begin + n->seconds;
}

/* --------------------------------------------------------------------- opening */

struct left_behind {
   store_warn_fn warn;
   void *arg;
};

static bool set_aside(struct store *s, const struct archive_name *n, const char *why,
                      const struct left_behind *l)
{
   struct archive_name to = *n;
   char from[ARCHIVE_NAME], path[ARCHIVE_NAME];
   to.part = false;
   to.damaged = true;
   archive_name_write(n, from);
   archive_name_write(&to, path);
   if (renameat(s->fd, from, s->fd, path) != 0) {
      tell(l->warn, l->arg, "%s/%s, which an earlier run did not complete, cannot be renamed: %s", s->path,
           from, strerror(errno));
      return false;
   }
   s->set_aside++;
   tell(l->warn, l->arg, "an earlier run did not complete %s/%s: %s; it is now %s", s->path, from, why, path);
   return true;
}

/* A file that an earlier run was killed over. */
static bool take_left(struct store *s, const struct archive_name *n, const struct left_behind *l)
{
   struct archive_name name = *n;
   char path[ARCHIVE_NAME];
   uint64_t size = 0, records = 0, cut = 0;
   archive_name_write(n, path);
   int fd = openat(s->fd, path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
   errno = fd < 0 ? errno : 0;
   bool good = fd >= 0 && recover_file(fd, &size, &records, &cut);
   int error = errno;
   if (fd >= 0) {
      close(fd);
   }
   if (!good && error == 0 && size == 0) {
      store_remove(s, n); /* nothing was ever in it */
      return true;
   }
   if (!good) {
      return set_aside(s, n, error != 0 ? strerror(error) : "it does not begin as a file of flows", l);
   }
   /* A later run has not taken its number: names of files in work count, too. */
   if (!store_complete(s, &name, size)) {
      return set_aside(s, n, strerror(errno), l);
   }
   s->recovered++;
   s->recovered_records += records;
   if (cut > 0) {
      tell(l->warn, l->arg,
           "%s/%s: %" PRIu64
           " bytes after its last whole block, of which a kill left only a part, were removed",
           s->path, path, cut);
   }
   return true;
}

static bool look_at(struct store *s, const struct archive_name *n, void *arg)
{
   char path[ARCHIVE_NAME];
   archive_name_write(n, path);
   off_t size = size_of(s, path);
   if (size < 0) {
      return true;
   }
   if (n->part) {
      return take_left(s, n, arg);
   }
   s->bytes += (uint64_t) size;
   s->oldest_end = end_of(n) < s->oldest_end ? end_of(n) : s->oldest_end;
   return true;
}

/* Parents, too; the last directory is the owner's alone. */
static bool make_directory(const char *path)
{
   char part[4096];
   size_t n = strlen(path);
   if (n >= sizeof(part)) {
      errno = ENAMETOOLONG;
      return false;
   }
   for (size_t i = 1; i < n; i++) {
      if (path[i] == '/' && path[i + 1] != 0) {
         memcpy(part, path, i);
         part[i] = 0;
         mkdir(part, 0755);
      }
   }
   return mkdir(path, 0700) == 0 || errno == EEXIST;
}

bool store_open(struct store *s, store_warn_fn warn, void *arg, char error[STORE_ERROR])
{
   char(*days)[DAY] = NULL;
   s->oldest_end = UINT64_MAX;
   s->fd = make_directory(s->path) ? open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
   if (s->fd < 0) {
      snprintf(error, STORE_ERROR, "directory %s: %s", s->path, strerror(errno));
      return false;
   }
   if (flock(s->fd, LOCK_EX | LOCK_NB) != 0) {
      snprintf(error, STORE_ERROR, "directory %s: %s", s->path,
               errno == EWOULDBLOCK ? "another flow_archive writes to it" : strerror(errno));
      return false;
   }
   int n = list_days(s, &days);
   bool good = n >= 0;
   for (int i = 0; i < n && good; i++) {
      struct left_behind left = {warn, arg};
      errno = 0;
      good = each_file(s, days[i], look_at, &left);
   }
   if (!good) {
      snprintf(error, STORE_ERROR, "directory %s: %s", s->path,
               errno != 0 ? strerror(errno) : "it cannot be used");
   }
   free(days);
   return good;
}

void store_close(struct store *s)
{
   if (s->fd > 0) {
      close(s->fd);
   }
   s->fd = 0;
}

/* ----------------------------------------------------------------------- files */

/* Is a number of an interval in use, in any state? */
static bool taken(const struct store *s, struct archive_name n)
{
   char path[ARCHIVE_NAME];
   struct stat st;
   for (int state = 0; state < 3; state++) {
      n.part = state == 1;
      n.damaged = state == 2;
      archive_name_write(&n, path);
      if (fstatat(s->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
         return true;
      }
   }
   return false;
}

int store_create(struct store *s, struct archive_name *name)
{
   char path[ARCHIVE_NAME];
   name->number = 0;
   name->part = name->damaged = false;
   while (taken(s, *name)) {
      if (++name->number > MAX_NUMBER) {
         errno = EEXIST;
         return -1;
      }
   }
   name->part = true;
   archive_name_write(name, path);
   path[DAY - 1] = 0;
   if (mkdirat(s->fd, path, 0700) != 0 && errno != EEXIST) {
      return -1;
   }
   path[DAY - 1] = '/';
   return openat(s->fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

bool store_complete(struct store *s, struct archive_name *name, uint64_t size)
{
   char from[ARCHIVE_NAME], to[ARCHIVE_NAME];
   archive_name_write(name, from);
   name->part = false;
   archive_name_write(name, to);
   if (renameat(s->fd, from, s->fd, to) != 0) {
      return false;
   }
   s->bytes += size;
   s->files++;
   s->oldest_end = end_of(name) < s->oldest_end ? end_of(name) : s->oldest_end;
   return true;
}

void store_remove(struct store *s, const struct archive_name *name)
{
   char path[ARCHIVE_NAME];
   archive_name_write(name, path);
   unlinkat(s->fd, path, 0);
   path[DAY - 1] = 0;
   unlinkat(s->fd, path, AT_REMOVEDIR); /* fails when other files are in it */
}

/* -------------------------------------------------------------------- retention */

static bool older(struct store *s, const struct archive_name *n, void *arg)
{
   struct archive_name *oldest = arg;
   (void) s;
   if (!n->part && (oldest->seconds == 0 || end_of(n) < end_of(oldest) ||
                    (end_of(n) == end_of(oldest) && n->number < oldest->number))) {
      *oldest = *n;
   }
   return true;
}

/* \return false: there is none */
static bool find_oldest(struct store *s, struct archive_name *oldest)
{
   char(*days)[DAY] = NULL;
   int n = list_days(s, &days);
   oldest->seconds = 0;
   for (int i = 0; i < n && oldest->seconds == 0; i++) {
      each_file(s, days[i], older, oldest);
      if (oldest->seconds == 0) {
         unlinkat(s->fd, days[i], AT_REMOVEDIR);
      }
   }
   free(days);
   return oldest->seconds != 0;
}

void store_limit(struct store *s, uint64_t open, uint64_t now, store_warn_fn warn, void *arg)
{
   while (s->oldest_end != UINT64_MAX &&
          (s->bytes + open > s->max_bytes || s->oldest_end + s->max_age < now)) {
      struct archive_name oldest;
      char path[ARCHIVE_NAME];
      if (!find_oldest(s, &oldest)) {
         s->oldest_end = UINT64_MAX;
         s->bytes = 0;
         return;
      }
      s->oldest_end = end_of(&oldest);
      if (s->bytes + open <= s->max_bytes && s->oldest_end + s->max_age >= now) {
         return;
      }
      archive_name_write(&oldest, path);
      off_t size = size_of(s, path);
      if (unlinkat(s->fd, path, 0) != 0) {
         tell(warn, arg, "%s/%s cannot be deleted: %s", s->path, path, strerror(errno));
         return;
      }
      s->bytes -= size > 0 && (uint64_t) size < s->bytes ? (uint64_t) size : size > 0 ? s->bytes : 0;
      s->deleted++;
      path[DAY - 1] = 0;
      unlinkat(s->fd, path, AT_REMOVEDIR);
   }
}

bool store_has_room(const struct store *s)
{
   struct statvfs v;
   return fstatvfs(s->fd, &v) != 0 || v.f_blocks == 0 ||
          (unsigned __int128) v.f_bavail * 100 >= (unsigned __int128) v.f_blocks * s->min_free;
}
