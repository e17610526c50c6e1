/* SPDX-License-Identifier: BSD-3-Clause */
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 65536

/* Contents of a secret file. \return its length; -1: error is set */
static ssize_t read_secret(const char *path, char *to, size_t size, char error[SETTINGS_ERROR])
{
   struct stat st;
   int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
   ssize_t n = -1;
   if (fd < 0 || fstat(fd, &st) != 0) {
      snprintf(error, SETTINGS_ERROR, "\"%.300s\": %s", path, strerror(errno));
   } else if (!S_ISREG(st.st_mode) || st.st_size >= (off_t) size) {
      snprintf(error, SETTINGS_ERROR, "\"%.300s\": no file of less than %zu bytes", path, size);
   } else if ((st.st_mode & 077) != 0 || (st.st_uid != geteuid() && st.st_uid != 0)) {
      snprintf(error, SETTINGS_ERROR,
               "\"%.300s\" has mode %04o: others could read or change it; expected a file of our own with "
               "mode 0600",
               path, (unsigned) st.st_mode & 07777);
   } else if ((n = read(fd, to, size)) < 0) {
      snprintf(error, SETTINGS_ERROR, "\"%.300s\": %s", path, strerror(errno));
   }
   if (fd >= 0) {
      close(fd);
   }
   return n;
}

/* Without blanks around it. \return false: it does not fit, or has characters that a header cannot have */
static bool take(const char *text, size_t n, char to[SETTING_SIZE])
{
   while (n > 0 && (*text == ' ' || *text == '\t')) {
      text++;
      n--;
   }
   while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t' || text[n - 1] == '\r')) {
      n--;
   }
   for (size_t i = 0; i < n; i++) {
      if (text[i] < ' ' || text[i] > '~') {
         return false;
      }
   }
   if (n >= SETTING_SIZE) {
      return false;
   }
   memcpy(to, text, n);
   to[n] = 0;
   return true;
}

bool key_read(const char *path, char to[SETTING_SIZE], char error[SETTINGS_ERROR])
{
   char text[FILE_MAX];
   ssize_t n = read_secret(path, text, sizeof(text), error);
   if (n < 0) {
      return false;
   }
   const char *end = memchr(text, '\n', (size_t) n);
   if (!take(text, end != NULL ? (size_t) (end - text) : (size_t) n, to) || to[0] == 0) {
      snprintf(error, SETTINGS_ERROR,
               "\"%.300s\": expected a key of at most %d printable characters in the first line", path,
               SETTING_SIZE - 1);
      return false;
   }
   return true;
}

/* The place of a setting; NULL: another one. */
static char *place(struct settings *s, const char *name, size_t n)
{
   const struct {
      const char *name;
      char *to;
   } known[] = {{"server_uri", s->server_uri},
                {"misp_key", s->misp_key},
                {"portal_user", s->portal_user},
                {"portal_pass", s->portal_pass},
                {"dsa", s->dsa}};
   for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
      if (strlen(known[i].name) == n && strncasecmp(known[i].name, name, n) == 0) {
         return known[i].to;
      }
   }
   return NULL;
}

bool settings_parse(const char *text, size_t size, struct settings *to, char error[SETTINGS_ERROR])
{
   const char *end = text + size, *next;
   bool ours = false;
   unsigned number = 1;
   memset(to, 0, sizeof(*to));
   for (const char *line = text; line < end; line = next, number++) {
      const char *stop = memchr(line, '\n', (size_t) (end - line));
      stop = stop != NULL ? stop : end;
      next = stop < end ? stop + 1 : end;
      const char *middle = line, *last;
      while (middle < stop && *middle != '=' && *middle != ':') {
         middle++;
      }
      last = middle;
      while (last > line && (last[-1] == ' ' || last[-1] == '\t')) {
         last--;
      }
      if (line < stop && *line == '[') {
         ours = stop - line >= 9 && memcmp(line, "[DEFAULT]", 9) == 0;
      } else if (ours && middle < stop && *line != '#' && *line != ';') {
         char *setting = place(to, line, (size_t) (last - line));
         if (setting != NULL && !take(middle + 1, (size_t) (stop - middle - 1), setting)) {
            snprintf(error, SETTINGS_ERROR, "line %u: expected a value of at most %d printable characters",
                     number, SETTING_SIZE - 1);
            return false;
         }
      }
   }
   if (to->server_uri[0] == 0 || to->portal_user[0] == 0 || to->portal_pass[0] == 0 || to->dsa[0] == 0) {
      snprintf(error, SETTINGS_ERROR,
               "expected server_uri, portal_user, portal_pass and dsa in section [DEFAULT]");
      return false;
   }
   if (strncmp(to->server_uri, "https://", 8) != 0 && strncmp(to->server_uri, "http://", 7) != 0) {
      snprintf(error, SETTINGS_ERROR, "server_uri: \"%.200s\", expected https://HOST/PATH", to->server_uri);
      return false;
   }
   return true;
}

bool settings_read(const char *path, struct settings *to, char error[SETTINGS_ERROR])
{
   char text[FILE_MAX], reason[SETTINGS_ERROR];
   ssize_t n = read_secret(path, text, sizeof(text), error);
   if (n < 0) {
      return false;
   }
   if (!settings_parse(text, (size_t) n, to, reason)) {
      snprintf(error, SETTINGS_ERROR, "\"%.200s\": %.300s", path, reason);
      return false;
   }
   return true;
}
