/* SPDX-License-Identifier: BSD-3-Clause */
#include "upstream.h"
#include "socket_path.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t now_ms(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int connect_name(const char *name, char *why)
{
   char reason[SOCKET_REASON_SIZE] = "";
   struct socket_dirs dirs;
   int fd = socket_dirs_init(&dirs, DEFAULT_SOCKET_DIR, reason);
   if (fd == 0) {
      fd = socket_connect(&dirs, name, reason);
      socket_dirs_free(&dirs);
   }
   if (fd < 0) {
      snprintf(why, UPSTREAM_WHY, "%s", reason);
   }
   return fd;
}

bool upstream_connect(struct upstream *u, const char *where, char why[UPSTREAM_WHY])
{
   memset(u, 0, sizeof(*u));
   if (strchr(where, '/') == NULL) {
      u->fd = connect_name(where, why);
   } else {
      u->fd = socket_connect_path(where);
      if (u->fd < 0) {
         snprintf(why, UPSTREAM_WHY, "%s: %s", where, strerror(-u->fd));
      }
   }
   if (u->fd < 0) {
      u->fd = -1;
      return false;
   }
   fcntl(u->fd, F_SETFL, fcntl(u->fd, F_GETFL) | O_NONBLOCK);
   return true;
}

/* \return false: it cannot be read or written before the deadline */
static bool wait_for(int fd, short events, int64_t deadline)
{
   struct pollfd p = {.fd = fd, .events = events};
   for (;;) {
      int64_t left = deadline - now_ms();
      int n = poll(&p, 1, left > 0 ? (int) left : 0);
      if (n != 0 && (n > 0 || errno != EINTR)) {
         return n > 0;
      }
      if (n == 0) {
         return false;
      }
   }
}

bool upstream_send(struct upstream *u, const json_t *request, int64_t deadline, char why[UPSTREAM_WHY])
{
   char *text = json_dumps(request, JSON_COMPACT);
   size_t length = text != NULL ? strlen(text) : 0, sent = 0;
   if (text == NULL) {
      snprintf(why, UPSTREAM_WHY, "out of memory");
      return false;
   }
   text[length] = '\n'; /* in place of the end, which is not needed any more */
   while (sent <= length) {
      ssize_t n = send(u->fd, text + sent, length + 1 - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) {
         sent += (size_t) n;
      } else if (n < 0 && errno != EINTR && (errno != EAGAIN || !wait_for(u->fd, POLLOUT, deadline))) {
         break;
      }
   }
   free(text);
   if (sent <= length) {
      snprintf(why, UPSTREAM_WHY, "it does not take requests");
   }
   return sent > length;
}

/* \return bytes that were read; 0 with a message: no more, or not in time */
static size_t read_some(struct upstream *u, int64_t deadline, char why[UPSTREAM_WHY])
{
   if (u->from > 0) {
      memmove(u->buffer, u->buffer + u->from, u->to - u->from);
      u->to -= u->from;
      u->from = 0;
   }
   if (u->to == u->capacity) {
      size_t capacity = u->capacity > 0 ? 2 * u->capacity : 16384;
      char *more = capacity <= 2 * ANSWER_MAX ? realloc(u->buffer, capacity) : NULL;
      if (more == NULL) {
         snprintf(why, UPSTREAM_WHY, "its answer is too long");
         return 0;
      }
      u->buffer = more;
      u->capacity = capacity;
   }
   for (;;) {
      ssize_t n = recv(u->fd, u->buffer + u->to, u->capacity - u->to, MSG_DONTWAIT);
      if (n > 0) {
         u->to += (size_t) n;
         return (size_t) n;
      }
      if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
         snprintf(why, UPSTREAM_WHY, "it ended the connection");
         return 0;
      }
      if (errno == EAGAIN && !wait_for(u->fd, POLLIN, deadline)) {
         *why = 0;
         return 0;
      }
   }
}

json_t *upstream_next(struct upstream *u, int64_t deadline, char why[UPSTREAM_WHY])
{
   size_t looked = 0;
   for (;;) {
      char *line = u->buffer != NULL ? u->buffer + u->from : NULL;
      char *end = u->to > u->from ? memchr(line + looked, '\n', u->to - u->from - looked) : NULL;
      if (end != NULL) {
         json_t *object = json_loadb(line, (size_t) (end - line), 0, NULL);
         u->taken += (size_t) (end - line) + 1;
         u->from += (size_t) (end - line) + 1;
         if (!json_is_object(object) || u->taken > ANSWER_MAX) {
            snprintf(why, UPSTREAM_WHY, "%s",
                     u->taken > ANSWER_MAX ? "its answer is too long"
                                           : "its answer is not what was expected");
            json_decref(object);
            return NULL;
         }
         return object;
      }
      looked = u->to - u->from;
      if (read_some(u, deadline, why) == 0) {
         return NULL;
      }
   }
}

void upstream_close(struct upstream *u)
{
   if (u->fd >= 0) {
      close(u->fd);
   }
   free(u->buffer);
   memset(u, 0, sizeof(*u));
   u->fd = -1;
}

json_t *upstream_ask(const char *where, const json_t *request, int timeout_ms, char why[UPSTREAM_WHY])
{
   struct upstream u;
   int64_t deadline = now_ms() + timeout_ms;
   json_t *answer = NULL;
   if (upstream_connect(&u, where, why) && upstream_send(&u, request, deadline, why) &&
       (answer = upstream_next(&u, deadline, why)) == NULL && *why == 0) {
      snprintf(why, UPSTREAM_WHY, "it does not answer");
   }
   upstream_close(&u);
   return answer;
}
