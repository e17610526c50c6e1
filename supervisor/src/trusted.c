/* SPDX-License-Identifier: BSD-3-Clause */
#include "trusted.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS 40 /* as the kernel allows */

static bool only_roots(const char *path, const struct stat *st, char *why, size_t size)
{
   if (st->st_uid != 0) {
      (void) snprintf(why, size, "%.300s belongs to user %u, expected root", path, (unsigned) st->st_uid);
      return false;
   }
   if (!S_ISLNK(st->st_mode) && (st->st_mode & 022) != 0) { /* of a link, nobody asks the mode */
      (void) snprintf(why, size, "%.300s can be written by others than root (mode %04o, expected %04o)", path,
                      (unsigned) st->st_mode & 07777, (unsigned) st->st_mode & 07755);
      return false;
   }
   return true;
}

/* Puts what a link says before the rest of the path, which begins at rest. \return false: too long, or no link */
static bool follow(char *done, size_t length, char rest[PATH_MAX])
{
   char target[PATH_MAX], joined[PATH_MAX];
   ssize_t n = readlink(done, target, sizeof(target) - 1);
   if (n <= 0) {
      return false;
   }
   target[n] = 0;
   if (snprintf(joined, sizeof(joined), "%s/%s", target, rest) >= (int) sizeof(joined)) {
      return false;
   }
   memcpy(rest, joined, strlen(joined) + 1);
   done[*target == '/' ? 0 : length] = 0;
   return true;
}

/* Goes from the root of the file system along each name, as the kernel does. done: what was gone so far, without the last slash. */
static bool walk(char rest[PATH_MAX], char *why, size_t size)
{
   char done[PATH_MAX] = "";
   struct stat st;
   int links = 0;
   while (*rest != 0) {
      size_t skip = strspn(rest, "/"), n = strcspn(rest + skip, "/"), length = strlen(done);
      char name[NAME_MAX + 1];
      if (n > NAME_MAX || length + n + 2 > sizeof(done)) {
         (void) snprintf(why, size, "the path %.300s is too long", done);
         return false;
      }
      memcpy(name, rest + skip, n);
      name[n] = 0;
      memmove(rest, rest + skip + n, strlen(rest + skip + n) + 1);
      if (n == 0 || strcmp(name, ".") == 0) {
         continue;
      }
      if (strcmp(name, "..") == 0) {
         char *slash = strrchr(done, '/');
         done[slash != NULL ? slash - done : 0] = 0;
         continue;
      }
      (void) snprintf(done + length, sizeof(done) - length, "/%s", name);
      if (lstat(done, &st) != 0) {
         (void) snprintf(why, size, "%.300s: %s", done, strerror(errno));
         return false;
      }
      if (!only_roots(done, &st, why, size)) {
         return false;
      }
      if (S_ISLNK(st.st_mode) && (++links > LINKS || !follow(done, length, rest))) {
         (void) snprintf(why, size, "the symbolic link %.300s cannot be followed", done);
         return false;
      }
   }
   return true;
}

bool trusted_path(const char *path, char *why, size_t size)
{
   char rest[PATH_MAX];
   struct stat st;
   if (*path != '/') {
      (void) snprintf(why, size, "%.300s: expected a path that begins with /", path);
      return false;
   }
   if (snprintf(rest, sizeof(rest), "%s", path) >= (int) sizeof(rest)) {
      (void) snprintf(why, size, "%.300s: the path is too long", path);
      return false;
   }
   return lstat("/", &st) == 0 && only_roots("/", &st, why, size) && walk(rest, why, size);
}

bool trusted_find(const char *path, char *found, size_t size)
{
   const char *list = getenv("PATH");
   if (strchr(path, '/') != NULL) {
      return snprintf(found, size, "%s", path) < (int) size;
   }
   for (const char *p = list != NULL ? list : "/bin:/usr/bin"; *p != 0;) {
      size_t n = strcspn(p, ":");
      struct stat st;
      if (snprintf(found, size, "%.*s/%s", (int) n, p, path) < (int) size && stat(found, &st) == 0 &&
          S_ISREG(st.st_mode) && access(found, X_OK) == 0) {
         return true;
      }
      p += n + (p[n] == ':');
   }
   return false;
}

/* Where a file begins in the text with all includes. \return a line of config_where() */
static uint32_t first_line(const struct config *c, uint32_t file)
{
   for (uint32_t i = 0; i < c->n_segments; i++) {
      if (c->segments[i].file == file) {
         return c->segments[i].line;
      }
   }
   return 0;
}

/* A directory that others can change stands before many files, and is said once. */
static bool said_before(const struct config *c, const char *why)
{
   size_t n = strlen(why);
   for (uint32_t i = 0; i < c->n_problems; i++) {
      size_t length = strlen(c->problems[i].text);
      if (length >= n && strcmp(c->problems[i].text + length - n, why) == 0) {
         return true;
      }
   }
   return false;
}

void trusted_check(struct config *c)
{
   char why[512], program[PATH_MAX];
   bool understood = c->n_errors == 0;
   for (uint32_t i = 0; i < c->n_files; i++) {
      if (!trusted_path(c->files[i], why, sizeof(why)) && !said_before(c, why)) {
         config_error(c, first_line(c, i), "%s", why);
      }
   }
   for (uint32_t i = 0; understood && i < c->n_modules; i++) {
      const struct config_module *m = &c->modules[i];
      if (config_enabled(c, m) && trusted_find(m->path, program, sizeof(program)) &&
          access(program, X_OK) == 0 && !trusted_path(program, why, sizeof(why))) {
         config_warning(c, m->line, "program of module \"%.100s\" will not be started: %s", m->name, why);
      }
   }
}
