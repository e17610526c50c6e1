/* SPDX-License-Identifier: BSD-3-Clause */
#include "server.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SEND_SECONDS 2   /* that a client may take */
#define RETRY_MS     100 /* when a connection cannot be accepted */

struct munin_server {
   nm_module_t *m;
   char path[sizeof(((struct sockaddr_un *) 0)->sun_path)];
   struct stat socket; /* to remove no other than ours */
   int fd, stop;
   pthread_t thread;
   bool started;
   pthread_mutex_t lock;
   char *text;
};

static void send_all(int client, const char *text)
{
   struct timeval timeout = {.tv_sec = SEND_SECONDS};
   size_t size = strlen(text), done = 0;
   setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
   while (done < size) {
      ssize_t n = send(client, text + done, size - done, MSG_NOSIGNAL);
      if (n == 0 || (n < 0 && errno != EINTR)) {
         return; /* the client went, or takes nothing: munin asks again */
      }
      done += n > 0 ? (size_t) n : 0;
   }
}

static void answer(struct munin_server *s, int client)
{
   pthread_mutex_lock(&s->lock);
   char *text = s->text != NULL ? strdup(s->text) : NULL;
   pthread_mutex_unlock(&s->lock);
   if (text != NULL) {
      send_all(client, text);
   }
   free(text);
   close(client);
}

static void *serve(void *arg)
{
   struct munin_server *s = arg;
   struct pollfd fds[] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->stop, .events = POLLIN}};
   for (;;) {
      if (poll(fds, 2, -1) < 0 && errno != EINTR) {
         nm_warn(s->m, "%s: poll: %s", s->path, strerror(errno));
         return NULL;
      }
      if (fds[1].revents != 0) {
         return NULL;
      }
      int client = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
      if (client >= 0) {
         answer(s, client);
      } else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
         nm_warn(s->m, "%s: a connection is not accepted: %s", s->path, strerror(errno));
         poll(&fds[1], 1, RETRY_MS);
      }
   }
}

/* Only a socket is removed. */
static int make_way(nm_module_t *m, const char *path)
{
   struct stat st;
   char *copy = strdup(path);
   if (copy != NULL && mkdir(dirname(copy), 0755) != 0 && errno != EEXIST) {
      int rc = nm_fail(m, "socket %s: cannot create its directory: %s", path, strerror(errno));
      free(copy);
      return rc;
   }
   free(copy);
   if (lstat(path, &st) != 0) {
      return NM_OK;
   }
   if (!S_ISSOCK(st.st_mode)) {
      return nm_fail(m, "socket %s: a file of this name is not a socket", path);
   }
   unlink(path);
   return NM_OK;
}

static int listen_at(struct munin_server *s)
{
   struct sockaddr_un address = {.sun_family = AF_UNIX};
   memcpy(address.sun_path, s->path, sizeof(s->path));
   s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   if (s->fd < 0 || bind(s->fd, (const struct sockaddr *) &address, sizeof(address)) != 0 ||
       chmod(s->path, 0666) != 0 || stat(s->path, &s->socket) != 0 || listen(s->fd, SOMAXCONN) != 0) {
      return nm_fail(s->m, "socket %s: %s", s->path, strerror(errno));
   }
   return NM_OK;
}

/* Signals are for the module's thread. */
static int start(struct munin_server *s)
{
   sigset_t all, before;
   s->stop = eventfd(0, EFD_CLOEXEC);
   sigfillset(&all);
   pthread_sigmask(SIG_BLOCK, &all, &before);
   int error = s->stop < 0 ? errno : pthread_create(&s->thread, NULL, serve, s);
   pthread_sigmask(SIG_SETMASK, &before, NULL);
   s->started = error == 0;
   return s->started ? NM_OK : nm_fail(s->m, "socket %s: no thread for it: %s", s->path, strerror(error));
}

int munin_open(nm_module_t *m, const char *path, struct munin_server **server)
{
   struct munin_server *s = calloc(1, sizeof(*s));
   *server = s;
   if (s == NULL) {
      return nm_fail(m, "out of memory");
   }
   s->m = m;
   s->fd = s->stop = -1;
   pthread_mutex_init(&s->lock, NULL);
   if (strlen(path) >= sizeof(s->path)) {
      return nm_fail(m, "socket %s: a path of a socket has at most %zu bytes", path, sizeof(s->path) - 1);
   }
   int rc = make_way(m, path);
   strcpy(s->path, path);
   rc = rc == NM_OK ? listen_at(s) : rc;
   return rc == NM_OK ? start(s) : rc;
}

FILE *munin_begin(nm_module_t *m, struct munin_text *text)
{
   text->bytes = NULL;
   text->size = 0;
   text->file = open_memstream(&text->bytes, &text->size);
   if (text->file == NULL) {
      nm_warn(m, "out of memory for the counters; munin gets the old ones");
   }
   return text->file;
}

void munin_publish(struct munin_server *s, struct munin_text *text)
{
   bool good = fclose(text->file) == 0; /* sets bytes */
   char *unused = text->bytes;
   if (good) {
      pthread_mutex_lock(&s->lock);
      unused = s->text;
      s->text = text->bytes;
      pthread_mutex_unlock(&s->lock);
   }
   free(unused);
}

void munin_close(struct munin_server *s)
{
   struct stat st;
   uint64_t one = 1;
   if (s == NULL) {
      return;
   }
   if (s->started && write(s->stop, &one, sizeof(one)) == sizeof(one)) {
      pthread_join(s->thread, NULL);
   }
   if (s->fd >= 0) {
      close(s->fd);
   }
   if (s->stop >= 0) {
      close(s->stop);
   }
   if (s->socket.st_ino != 0 && lstat(s->path, &st) == 0 && st.st_ino == s->socket.st_ino &&
       st.st_dev == s->socket.st_dev) {
      unlink(s->path);
   }
   pthread_mutex_destroy(&s->lock);
   free(s->text);
   free(s);
}
