/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The template: text in which lines "<!-- include PATH -->" are replaced by a .sup file or by those of a directory, in the order of
 * their names. It is handled as lines, before anybody reads it as XML.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool config_append(struct config *c, const char *text, size_t length)
{
   if (length > CONFIG_SIZE - c->length) {
      config_error(c, c->n_lines + 1, "the configuration is larger than %u bytes", CONFIG_SIZE);
      return false;
   }
   char *grown = realloc(c->text, c->length + length + 1);
   if (grown == NULL) {
      config_error(c, c->n_lines + 1, "no memory");
      return false;
   }
   c->text = grown;
   memcpy(c->text + c->length, text, length);
   c->length += length;
   c->text[c->length] = 0;
   for (size_t i = 0; i < length; i++) {
      c->n_lines += text[i] == '\n';
   }
   return true;
}

/* The text that is appended next is from this line of a file. */
static bool begin_segment(struct config *c, uint32_t file, uint32_t file_line)
{
   struct config_segment *grown = realloc(c->segments, (c->n_segments + 1) * sizeof(*grown));
   if (grown == NULL) {
      config_error(c, c->n_lines + 1, "no memory");
      return false;
   }
   c->segments = grown;
   c->segments[c->n_segments++] =
       (struct config_segment){.line = c->n_lines + 1, .file = file, .file_line = file_line};
   return true;
}

static bool add_file(struct config *c, const char *path)
{
   if (c->n_files == CONFIG_FILES) {
      config_error(c, c->n_lines + 1, "more than %u files", CONFIG_FILES);
      return false;
   }
   char **grown = realloc(c->files, (c->n_files + 1) * sizeof(*grown));
   char *copy = grown != NULL ? strdup(path) : NULL;
   if (grown != NULL) {
      c->files = grown;
   }
   if (copy == NULL) {
      config_error(c, c->n_lines + 1, "no memory");
      return false;
   }
   c->files[c->n_files++] = copy;
   return true;
}

/* \return an allocated text, NULL with errno. EISDIR, EINVAL: no regular file; EFBIG */
static char *read_file(const char *path, size_t *length)
{
   struct stat st;
   int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
   if (fd < 0) {
      return NULL;
   }
   char *text = NULL;
   int failed = 0;
   if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
      failed = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
   } else if (st.st_size > CONFIG_SIZE) {
      failed = EFBIG;
   } else if ((text = malloc((size_t) st.st_size + 1)) == NULL) {
      failed = ENOMEM;
   }
   *length = 0;
   while (failed == 0 && *length < (size_t) st.st_size) {
      ssize_t n = read(fd, text + *length, (size_t) st.st_size - *length);
      if (n == 0) {
         break;
      }
      if (n < 0 && errno != EINTR) {
         failed = errno;
      }
      *length += n > 0 ? (size_t) n : 0;
   }
   close(fd);
   if (failed != 0) {
      free(text);
      errno = failed;
      return NULL;
   }
   return text;
}

static bool is_sup(const char *name)
{
   size_t n = strlen(name);
   return n >= 4 && strcmp(name + n - 4, ".sup") == 0;
}

static bool include_file(struct config *c, const char *path, uint32_t line)
{
   size_t length;
   char *text = read_file(path, &length);
   if (text == NULL) {
      config_error(c, line, "cannot read \"%s\": %s", path, strerror(errno));
      return false;
   }
   bool ok = add_file(c, path) && begin_segment(c, c->n_files - 1, 1) && config_append(c, text, length);
   if (ok && length > 0 &&
       text[length - 1] !=
           '\n') { /* what follows is on a line of its own, so that each line is of one file */
      ok = config_append(c, "\n", 1);
   }
   free(text);
   return ok;
}

static int only_sup(const struct dirent *d)
{
   return is_sup(d->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
   return strcmp((*a)->d_name, (*b)->d_name);
}

static bool include_dir(struct config *c, const char *dir, uint32_t line)
{
   struct dirent **entries;
   bool ok = true;
   int n = scandir(dir, &entries, only_sup, by_name);
   if (n < 0) {
      config_error(c, line, "cannot read the directory \"%s\": %s", dir, strerror(errno));
      return false;
   }
   for (int i = 0; i < n; i++) {
      struct stat st;
      char *path = NULL;
      if (ok &&
          asprintf(&path, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", entries[i]->d_name) < 0) {
         path = NULL;
         ok = false;
      }
      if (ok && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
         ok = include_file(c, path, line);
      }
      free(path);
      free(entries[i]);
   }
   free(entries);
   return ok;
}

/* A path that is not there counts as an empty directory, unless it is that of a .sup file. */
static bool include(struct config *c, const char *path, uint32_t line)
{
   struct stat st;
   if (stat(path, &st) != 0) {
      if (errno == ENOENT && !is_sup(path)) {
         config_warning(c, line, "nothing is included from \"%s\": there is no such directory", path);
         return true;
      }
      config_error(c, line, "cannot include \"%s\": %s", path, strerror(errno));
      return false;
   }
   if (S_ISDIR(st.st_mode)) {
      return include_dir(c, path, line);
   }
   if (!is_sup(path)) {
      config_warning(c, line, "\"%s\" is not included: its name does not end in .sup", path);
      return true;
   }
   return include_file(c, path, line);
}

static bool is_space(char c)
{
   return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Whether a line is an include. \param path gets its path, allocated; NULL without memory */
static bool parse_include(const char *line, size_t length, char **path)
{
   const char *p = line, *end = line + length;
   while (p < end && *p == ' ') {
      p++;
   }
   if (end - p < 4 || memcmp(p, "<!--", 4) != 0) {
      return false;
   }
   for (p += 4; p < end && is_space(*p); p++) {
   }
   if (end - p < 7 || memcmp(p, "include", 7) != 0) {
      return false;
   }
   for (p += 7; p < end && is_space(*p); p++) {
   }
   const char *token = p;
   while (p < end && !is_space(*p) && *p != 0) {
      p++;
   }
   size_t n = (size_t) (p - token);
   if (n >= 3 && memcmp(p - 3, "-->", 3) == 0) { /* "PATH-->" */
      n -= 3;
   }
   *path = n > 0 ? strndup(token, n) : NULL;
   return n > 0;
}

static bool expand(struct config *c, const char *text, size_t length, bool follow)
{
   bool ok = begin_segment(c, 0, 1), included = false;
   uint32_t line = 1;
   for (size_t at = 0; ok && at < length; line++) {
      const char *newline = memchr(text + at, '\n', length - at);
      size_t n = newline != NULL ? (size_t) (newline - (text + at)) + 1 : length - at;
      char *path = NULL;
      if (parse_include(text + at, n, &path)) {
         /* Problems of the include itself are those of this line, which is not in the text. */
         ok = path != NULL && begin_segment(c, 0, line);
         ok = ok && (!follow || include(c, path, c->segments[c->n_segments - 1].line));
         included = true;
      } else {
         ok = (!included || begin_segment(c, 0, line)) && config_append(c, text + at, n);
         included = false;
      }
      free(path);
      at += n;
   }
   return ok && c->text != NULL;
}

bool config_expand_text(struct config *c, const char *name, const char *text, size_t length)
{
   if (!add_file(c, name)) {
      return false;
   }
   if (length == 0) {
      config_error(c, 1, "the file is empty, expected <nemea-supervisor>");
      return false;
   }
   return expand(c, text, length, false);
}

bool config_expand(struct config *c, const char *path)
{
   size_t length;
   if (!add_file(c, path)) {
      return false;
   }
   char *text = read_file(path, &length);
   if (text == NULL) {
      config_error(c, 0, "cannot read the template: %s", strerror(errno));
      return false;
   }
   if (length == 0) {
      config_error(c, 1, "the file is empty, expected <nemea-supervisor>");
   }
   bool ok = length > 0 && expand(c, text, length, true);
   free(text);
   return ok;
}
