/* SPDX-License-Identifier: BSD-3-Clause */
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT 60000       /* ms without a byte */
#define LIMIT   (16u << 20) /* bytes of an answer */

int connection_open(const char *path)
{
   struct sockaddr_un a = {.sun_family = AF_UNIX};
   if (strlen(path) >= sizeof(a.sun_path)) {
      errno = ENAMETOOLONG;
      return -1;
   }
   strcpy(a.sun_path, path);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
   if (fd >= 0 && connect(fd, (struct sockaddr *) &a, sizeof(a)) != 0) {
      int failed = errno;
      close(fd);
      errno = failed;
      return -1;
   }
   return fd;
}

static int send_all(int fd, const char *text, size_t length)
{
   while (length > 0) {
      ssize_t n = send(fd, text, length, MSG_NOSIGNAL);
      if (n < 0 && errno != EINTR) {
         return -1;
      }
      text += n > 0 ? n : 0;
      length -= n > 0 ? (size_t) n : 0;
   }
   return 0;
}

/* \return bytes read, 0: end, -1: errno */
static ssize_t read_some(int fd, char *to, size_t size)
{
   struct pollfd p = {.fd = fd, .events = POLLIN};
   for (;;) {
      int n = poll(&p, 1, TIMEOUT);
      if (n == 0) {
         errno = ETIMEDOUT;
         return -1;
      }
      ssize_t got = n > 0 ? recv(fd, to, size, 0) : -1;
      if (got >= 0 || errno != EINTR) {
         return got;
      }
   }
}

char *connection_ask(int fd, const char *line, int one_line)
{
   char *text = NULL;
   size_t length = 0, size = 0;
   if (send_all(fd, line, strlen(line)) != 0) {
      return NULL;
   }
   for (;;) {
      if (size - length < 4096) {
         char *grown = size < LIMIT ? realloc(text, size + 65536) : NULL;
         if (grown == NULL) {
            free(text);
            errno = EMSGSIZE;
            return NULL;
         }
         text = grown;
         size += 65536;
      }
      ssize_t n = read_some(fd, text + length, size - length - 1);
      if (n < 0) {
         free(text);
         return NULL;
      }
      length += (size_t) n;
      text[length] = 0;
      if (n == 0 || (one_line && text[length - 1] == '\n')) {
         return text;
      }
   }
}

json_t *connection_command(const char *path, json_t *request)
{
   int fd = connection_open(path);
   char *text = fd >= 0 && request != NULL ? json_dumps(request, 0) : NULL, *line = NULL;
   json_decref(request);
   if (fd < 0) {
      return NULL;
   }
   bool made = text != NULL && asprintf(&line, "%s\n", text) >= 0;
   errno = ENOMEM;
   char *answer = made ? connection_ask(fd, line, 1) : NULL;
   int failed = errno;
   json_t *o = answer != NULL ? json_loads(answer, 0, NULL) : NULL;
   if (answer != NULL && o == NULL) {
      failed = *answer == 0 ? ECONNRESET : EPROTO;
   }
   if (made) {
      free(line);
   }
   free(text);
   free(answer);
   close(fd);
   errno = failed;
   return o;
}
