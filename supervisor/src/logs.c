/* SPDX-License-Identifier: BSD-3-Clause */
/** The last lines of log files. What is read of a file is bounded, and it is text from modules: made UTF-8 here, for the reader to escape. */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <nemea-common/nc_text.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL (512u << 10) /* bytes of a file */

json_t *json_text(const char *text, size_t length)
{
   json_t *o = memchr(text, 0, length) == NULL ? json_stringn(text, length) : NULL;
   if (o != NULL) {
      return o;
   }
   char *to = malloc(length * 3 + 1); /* a wrong byte becomes the three of U+FFFD */
   size_t n = 0;
   for (size_t i = 0; to != NULL && i < length;) {
      uint32_t code;
      size_t size = text[i] != 0 ? nc_text_decode(text + i, length - i, &code) : 0;
      memcpy(to + n, size > 0 ? text + i : "\xef\xbf\xbd", size > 0 ? size : 3);
      n += size > 0 ? size : 3;
      i += size > 0 ? size : 1;
   }
   o = to != NULL ? json_stringn_nocheck(to, n) : NULL;
   free(to);
   return o != NULL ? o : json_string("?");
}

/* The end of a file. \return an allocated text, NULL with errno; *from: where it begins */
static char *read_end(const char *path, size_t *length, uint64_t *from)
{
   struct stat st;
   int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
   char *text = fd >= 0 ? malloc(TAIL) : NULL;
   *length = 0;
   if (text == NULL || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
      int failed = fd >= 0 && text != NULL ? EINVAL : errno;
      free(text);
      if (fd >= 0) {
         close(fd);
      }
      errno = failed;
      return NULL;
   }
   *from = st.st_size > (off_t) TAIL ? (uint64_t) st.st_size - TAIL : 0;
   for (ssize_t n = 1; n > 0 && *length<TAIL; *length += n> 0 ? (size_t) n : 0) {
      n = pread(fd, text + *length, TAIL - *length, (off_t) (*from + *length));
   }
   close(fd);
   return text;
}

json_t *logs_tail(const char *path, uint32_t lines)
{
   size_t length;
   uint64_t from = 0;
   char *text = read_end(path, &length, &from);
   if (text == NULL) {
      return json_pack("{s:s,s:[]}", "error", strerror(errno), "lines");
   }
   size_t end = length > 0 && text[length - 1] == '\n' ? length - 1 : length, begin = end;
   for (uint32_t n = 0; begin > 0; begin--) {
      if (text[begin - 1] == '\n' && ++n == lines) {
         break;
      }
   }
   bool more = from > 0 || begin > 0;
   json_t *list = json_array();
   while (begin < end) {
      const char *newline = memchr(text + begin, '\n', end - begin);
      size_t n = newline != NULL ? (size_t) (newline - (text + begin)) : end - begin;
      json_array_append_new(list, json_text(text + begin, n));
      begin += n + 1;
   }
   free(text);
   return json_pack("{s:o,s:b}", "lines", list, "more", more);
}
