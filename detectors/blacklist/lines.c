/* SPDX-License-Identifier: BSD-3-Clause */
/** Files of lists: where they may lie, reading by lines, replacing in one step. */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER (2 * BL_LINE_MAX)

static const char *const shared_directories[] = {"/tmp", "/var/tmp", "/dev/shm"};

static int fail(char error[BL_ERROR], const char *path, const char *why)
{
   snprintf(error, BL_ERROR, "%.400s: %s", path, why);
   return -1;
}

/* Length of the part of path that is a directory all may write; 0: path is not below one. */
static size_t shared_part(const char *path)
{
   for (size_t i = 0; i < sizeof(shared_directories) / sizeof(shared_directories[0]); i++) {
      size_t n = strlen(shared_directories[i]);
      if (strncmp(path, shared_directories[i], n) == 0 && path[n] == '/') {
         return n;
      }
   }
   return 0;
}

static bool ours_alone(int fd)
{
   struct stat st;
   return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_uid == geteuid() || st.st_uid == 0) &&
          (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Who only reads a file passes through its directories, which may not be readable; who replaces it has to sync the last one. */
static int access_mode(bool make)
{
   return O_DIRECTORY | (make ? O_RDONLY : O_PATH);
}

/* One component further. Closes fd. */
static int descend(int fd, const char *name, bool make, bool guarded, mode_t mode)
{
   int flags = access_mode(make) | (guarded ? O_NOFOLLOW : 0);
   int next = openat(fd, name, flags | O_CLOEXEC);
   if (next < 0 && errno == ENOENT && make && mkdirat(fd, name, mode) == 0) {
      next = openat(fd, name, flags | O_CLOEXEC);
   }
   int e = errno;
   close(fd);
   errno = e;
   return next;
}

int bl_open_directory(const char *path, bool make, const char **name, char error[BL_ERROR])
{
   char directory[BL_PATH_MAX];
   const char *slash = strrchr(path, '/');
   *name = slash != NULL ? slash + 1 : path;
   size_t n = slash != NULL ? (size_t) (slash - path) : 0;
   if (n >= sizeof(directory) || **name == 0) {
      return fail(error, path, "not the path of a file");
   }
   memcpy(directory, path, n);
   directory[n] = 0;
   /* A path that does not begin with / is below the working directory, which the caller chose. */
   int fd = open(path[0] == '/' ? "/" : ".", access_mode(make) | O_CLOEXEC);
   size_t shared = shared_part(path);
   char *save = NULL;
   for (char *part = strtok_r(directory, "/", &save); part != NULL && fd >= 0;
        part = strtok_r(NULL, "/", &save)) {
      bool guarded = shared > 0 && (size_t) (part - directory) > shared;
      if (guarded && strcmp(part, "..") == 0) {
         close(fd);
         return fail(error, path, "leads out of its directory");
      }
      fd = descend(fd, part, make, guarded, shared > 0 ? 0700 : 0755);
      if (fd >= 0 && guarded && !ours_alone(fd)) {
         close(fd);
         return fail(
             error, path,
             "its directory belongs to another user or can be written by others, and everyone may make "
             "one there; use a directory of your own, such as /var/lib/nemea");
      }
   }
   if (fd < 0) {
      bool linked = errno == ELOOP || errno == ENOTDIR;
      return fail(error, path, linked ? "its directory is a link or no directory" : strerror(errno));
   }
   if (shared > 0 && n == shared) {
      close(fd);
      return fail(error, path,
                  "lies where everyone may put files; use a directory of your own, such as "
                  "/var/lib/nemea");
   }
   return fd;
}

int bl_open(const char *path, struct bl_stamp *stamp, char error[BL_ERROR])
{
   const char *name;
   struct stat st;
   memset(stamp, 0, sizeof(*stamp));
   int directory = bl_open_directory(path, false, &name, error);
   if (directory < 0) {
      return -1;
   }
   int fd =
       openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (shared_part(path) > 0 ? O_NOFOLLOW : 0));
   int e = errno;
   close(directory);
   if (fd < 0) {
      return fail(error, path, strerror(e));
   }
   if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
      close(fd);
      return fail(error, path, "not a regular file");
   }
   *stamp = (struct bl_stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
   return fd;
}

void bl_stamp(const char *path, struct bl_stamp *stamp)
{
   struct stat st;
   memset(stamp, 0, sizeof(*stamp));
   if (stat(path, &st) == 0) {
      *stamp = (struct bl_stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
   }
}

bool bl_stamp_equal(const struct bl_stamp *a, const struct bl_stamp *b)
{
   return a->device == b->device && a->inode == b->inode && a->size == b->size &&
          a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static bool write_all(int fd, const char *data, size_t size)
{
   while (size > 0) {
      ssize_t n = write(fd, data, size);
      if (n < 0 && errno != EINTR) {
         return false;
      }
      if (n > 0) {
         data += n;
         size -= (size_t) n;
      }
   }
   return true;
}

bool bl_replace(const char *path, const void *data, size_t size, char error[BL_ERROR])
{
   const char *name;
   char temporary[NAME_MAX + 1];
   int directory = bl_open_directory(path, true, &name, error);
   if (directory < 0) {
      return false;
   }
   int n = snprintf(temporary, sizeof(temporary), ".%s.new", name);
   if (n < 0 || (size_t) n >= sizeof(temporary)) {
      close(directory);
      return fail(error, path, "the name is too long") == 0;
   }
   unlinkat(directory, temporary, 0); /* of a process that died */
   int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
   bool good = fd >= 0 && write_all(fd, data, size) && fsync(fd) == 0;
   int e = errno;
   if (fd >= 0) {
      good = close(fd) == 0 && good;
   }
   if (good && renameat(directory, temporary, directory, name) != 0) {
      e = errno;
      good = false;
   }
   if (!good) {
      if (fd >= 0) {
         unlinkat(directory, temporary, 0);
      }
      fail(error, path, strerror(e));
   }
   close(directory);
   return good;
}

const char *bl_config_file(const char *path, char buffer[BL_PATH_MAX])
{
   size_t n = strlen(NEMEA_CONFDIR);
   if (strncmp(path, NEMEA_CONFDIR "/", n + 1) != 0 || access(path, F_OK) == 0) {
      return path;
   }
   snprintf(buffer, BL_PATH_MAX, NEMEA_DATADIR "%s", path + n);
   return access(buffer, F_OK) == 0 ? buffer : path;
}

bool bl_lines_open(struct bl_lines *l, int fd)
{
   memset(l, 0, sizeof(*l));
   l->fd = fd;
   l->buffer = malloc(BUFFER);
   return l->buffer != NULL;
}

static void fill(struct bl_lines *l)
{
   memmove(l->buffer, l->buffer + l->pos, l->filled - l->pos);
   l->filled -= l->pos;
   l->pos = 0;
   ssize_t n;
   do {
      n = read(l->fd, l->buffer + l->filled, BUFFER - l->filled);
   } while (n < 0 && errno == EINTR);
   if (n < 0) {
      l->failed = errno;
   }
   l->end = n <= 0;
   l->filled += n > 0 ? (size_t) n : 0;
}

bool bl_lines_next(struct bl_lines *l, const char **line, size_t *length, bool *too_long)
{
   for (;;) {
      char *begin = l->buffer + l->pos;
      size_t have = l->filled - l->pos;
      char *lf = have > 0 ? memchr(begin, '\n', have) : NULL;
      bool last = lf == NULL && l->end && have > 0;
      if (lf == NULL && !last && have < BL_LINE_MAX) {
         if (l->end) {
            return false;
         }
         fill(l);
         continue;
      }
      size_t n = lf != NULL ? (size_t) (lf - begin) : have;
      bool rest = l->skip; /* of a line that was given before */
      *too_long = n > BL_LINE_MAX || (lf == NULL && !last);
      l->skip = lf == NULL && !last;
      l->pos += lf != NULL ? n + 1 : n;
      if (rest) {
         continue;
      }
      l->number++;
      n = n > BL_LINE_MAX ? BL_LINE_MAX : n;
      *line = begin;
      *length = n > 0 && begin[n - 1] == '\r' ? n - 1 : n;
      return true;
   }
}

void bl_lines_close(struct bl_lines *l)
{
   free(l->buffer);
   l->buffer = NULL;
}
