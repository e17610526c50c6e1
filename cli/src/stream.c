/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream.h"
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <nemea-common/nc_text.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK  0x40000
#define BUFFER 0x100000 /* of a FIFO */

/* The input for people. */
static const char *stream_name(const struct stream *s)
{
   return strcmp(s->path, "-") == 0 ? "standard input" : s->path;
}

bool stream_write(struct stream_output *to, const void *data, size_t size)
{
   bool any = false;
   for (unsigned i = 0; i < to->n; i++) {
      for (size_t done = 0; done < size && to->fd[i] >= 0;) {
         ssize_t n = write(to->fd[i], (const char *) data + done, size - done);
         if (n > 0) {
            done += (size_t) n;
         } else if (errno != EINTR) { /* EPIPE: this reader gave up, the other may go on */
            close(to->fd[i]);
            to->fd[i] = -1;
         }
      }
      any |= to->fd[i] >= 0;
   }
   return any;
}

static int copy(const struct stream *s, struct stream_output *to)
{
   static char data[CHUNK];
   int fd = strcmp(s->path, "-") == 0 ? STDIN_FILENO : open(s->path, O_RDONLY | O_CLOEXEC);
   ssize_t n = -1;
   while (fd >= 0 && ((n = read(fd, data, sizeof(data))) > 0 || (n < 0 && errno == EINTR))) {
      if (n > 0 && !stream_write(to, data, (size_t) n)) {
         return EXIT_SUCCESS; /* readers say themselves why they end */
      }
   }
   if (n < 0) {
      nc_text_line(stderr, "", "%s: %s", stream_name(s), strerror(errno));
      return EXIT_FAILURE;
   }
   return EXIT_SUCCESS;
}

static int work(void *context)
{
   const struct stream *s = context;
   struct stream_output to = {.n = s->readers};
   signal(SIGPIPE, SIG_IGN);
   if (s->follow) {
      follow_until_signal();
   }
   for (unsigned i = 0; i < s->readers; i++) {
      do {
         to.fd[i] = open(s->fifo[i], O_WRONLY | O_CLOEXEC); /* waits for the reader */
      } while (to.fd[i] < 0 && errno == EINTR);
      if (to.fd[i] < 0) {
         nc_text_line(stderr, "", "%s: %s", s->fifo[i], strerror(errno));
         return EXIT_FAILURE;
      }
      fcntl(to.fd[i], F_SETPIPE_SZ, BUFFER); /* faster; the default will do */
   }
   return s->follow ? follow_captures(s->path, &to) : copy(s, &to);
}

static bool start(struct stream *s, const char *directory)
{
   static unsigned number;
   for (unsigned i = 0; i < s->readers; i++) {
      snprintf(s->fifo[i], sizeof(s->fifo[i]), "%s/stream-%u-%u", directory, number, i);
      if (mkfifo(s->fifo[i], 0600) != 0) {
         return false;
      }
   }
   number++;
   return process_fork(&s->process, stream_name(s), work, s);
}

bool streams_start(struct streams *all, const char *directory, const char *const *files, unsigned n,
                   unsigned readers, bool follow)
{
   all->list = calloc(n, sizeof(*all->list));
   for (unsigned k = 0; k < STREAM_READERS; k++) {
      all->paths[k] = calloc(n, sizeof(*all->paths[k]));
   }
   if (all->list == NULL || all->paths[0] == NULL || all->paths[1] == NULL) {
      return false;
   }
   for (unsigned i = 0; i < n; i++) {
      all->paths[0][i] = all->paths[1][i] = files[i];
      if (!follow && (readers < 2 || !source_is_stream(files[i]))) {
         continue;
      }
      struct stream *s = &all->list[all->n++];
      *s = (struct stream){.path = files[i], .follow = follow, .readers = readers};
      if (!start(s, directory)) {
         return false;
      }
      for (unsigned k = 0; k < readers; k++) {
         all->paths[k][i] = s->fifo[k];
      }
   }
   return true;
}

void streams_stop(struct streams *all)
{
   for (unsigned i = 0; i < all->n; i++) {
      if (all->list[i].process.started) {
         process_stop_all(&all->list[i].process, 1);
         process_free(&all->list[i].process);
      }
   }
   free(all->list);
   for (unsigned k = 0; k < STREAM_READERS; k++) {
      free(all->paths[k]);
   }
   memset(all, 0, sizeof(*all));
}

const char *streams_named(const struct streams *all, const char *text, char *to, size_t size)
{
   for (unsigned i = 0; i < all->n; i++) {
      for (unsigned k = 0; k < all->list[i].readers; k++) {
         const char *fifo = all->list[i].fifo[k], *at = strstr(text, fifo);
         if (at != NULL) {
            snprintf(to, size, "%.*s%s%s", (int) (at - text), text, stream_name(&all->list[i]),
                     at + strlen(fifo));
            return to;
         }
      }
   }
   return text;
}
