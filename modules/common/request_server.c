/* SPDX-License-Identifier: BSD-3-Clause */
#include "request_server.h"
#include "socket_path.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SILENT_SECONDS 60
#define SLOW_SECONDS   10
#define LOOK_MS        500
#define MAX_GROUPS     256

struct request_client {
   struct request_server *server;
   pthread_t thread;
   int fd; /* -1: this place is free */
   struct ucred who;
   int64_t deadline; /* of the request, monotonic ms */
   bool ended;       /* the thread has nothing more to do */
};

struct request_server {
   struct request_handler handler;
   unsigned timeout_ms;
   struct socket_name name;
   gid_t group;
   int fd;
   pthread_t thread;
   struct request_client clients[CLIENTS_MAX];
   _Atomic bool stopping;
   _Atomic uint64_t requests, refused;
   pthread_mutex_t lock;
};

static int64_t now_ms(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --------------------------------------------------------------------- sending */

static bool send_all(int fd, const char *text, size_t size)
{
   while (size > 0) {
      ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) {
         continue;
      }
      if (n <= 0) {
         return false;
      }
      text += n;
      size -= (size_t) n;
   }
   return true;
}

static bool send_answer(int fd, struct answer *a)
{
   static const char no_memory[] = "{\"error\":\"out of memory\"}\n";
   bool sent = a->failed ? send_all(fd, no_memory, sizeof(no_memory) - 1) : send_all(fd, a->text, a->size);
   a->size = 0;
   a->failed = false;
   return sent;
}

bool request_client_send(struct request_client *c, struct answer *a)
{
   return send_answer(c->fd, a);
}

bool request_client_ended(const struct request_client *c)
{
   struct pollfd p = {.fd = c->fd, .events = POLLIN | POLLRDHUP};
   return atomic_load(&c->server->stopping) || poll(&p, 1, 0) > 0;
}

uid_t request_client_user(const struct request_client *c)
{
   return c->who.uid;
}

bool request_client_late(const struct request_client *c)
{
   return now_ms() > c->deadline;
}

void request_client_no_deadline(struct request_client *c)
{
   c->deadline = INT64_MAX;
}

/* --------------------------------------------------------------------- clients */

/* \return the size of the next line, with its newline, which is in buffer; 0: the client has gone, or its line is too long */
static size_t read_line(struct request_client *c, char *buffer, size_t *fill)
{
   for (;;) {
      char *end = memchr(buffer, '\n', *fill);
      if (end != NULL) {
         return (size_t) (end - buffer) + 1;
      }
      if (*fill == REQUEST_MAX) {
         return 0;
      }
      ssize_t n = recv(c->fd, buffer + *fill, REQUEST_MAX - *fill, 0);
      if (n < 0 && errno == EINTR) {
         continue;
      }
      if (n <= 0) {
         return 0;
      }
      *fill += (size_t) n;
   }
}

static bool serve(struct request_client *c, void *state, const char *line, size_t size, struct answer *a)
{
   const struct request_handler *h = &c->server->handler;
   atomic_fetch_add(&c->server->requests, 1);
   c->deadline = now_ms() + c->server->timeout_ms;
   bool more = h->answer(h->context, state, c, line, size, a);
   return send_answer(c->fd, a) && more;
}

static void *client_thread(void *context)
{
   struct request_client *c = context;
   const struct request_handler *h = &c->server->handler;
   struct answer a = {.text = NULL};
   char *buffer = malloc(REQUEST_MAX);
   void *state = calloc(1, h->state_size + 1);
   size_t fill = 0, size;
   while (buffer != NULL && state != NULL && !atomic_load(&c->server->stopping) &&
          (size = read_line(c, buffer, &fill)) > 0 && serve(c, state, buffer, size, &a)) {
      memmove(buffer, buffer + size, fill - size);
      fill -= size;
   }
   if (fill == REQUEST_MAX && memchr(buffer, '\n', fill) == NULL) {
      answer_error(&a, "the request is longer than 16384 bytes");
      send_answer(c->fd, &a);
   }
   if (state != NULL && h->close != NULL) {
      h->close(h->context, state);
   }
   answer_free(&a);
   free(state);
   free(buffer);
   shutdown(c->fd, SHUT_RDWR);
   pthread_mutex_lock(&c->server->lock);
   c->ended = true;
   pthread_mutex_unlock(&c->server->lock);
   return NULL;
}

/* The server's user, root, and members of the group of the socket. */
static bool may_ask(const struct request_server *s, const struct ucred *who)
{
   gid_t groups[MAX_GROUPS];
   int n = MAX_GROUPS;
   struct passwd entry, *found = NULL;
   char names[4096];
   if (who->uid == 0 || who->uid == geteuid() || who->gid == s->group) {
      return true;
   }
   if (getpwuid_r(who->uid, &entry, names, sizeof(names), &found) != 0 || found == NULL ||
       getgrouplist(entry.pw_name, entry.pw_gid, groups, &n) < 0) {
      return false;
   }
   for (int i = 0; i < n; i++) {
      if (groups[i] == s->group) {
         return true;
      }
   }
   return false;
}

/* Threads that have ended are joined, and their places are free. \return a free place; NULL: there is none for this user */
static struct request_client *free_place(struct request_server *s, const struct ucred *who)
{
   struct request_client *place = NULL;
   unsigned of_user = 0;
   for (unsigned i = 0; i < CLIENTS_MAX; i++) {
      struct request_client *c = &s->clients[i];
      pthread_mutex_lock(&s->lock);
      bool ended = c->fd >= 0 && c->ended;
      pthread_mutex_unlock(&s->lock);
      if (ended) {
         pthread_join(c->thread, NULL);
         close(c->fd);
         c->fd = -1;
      }
      of_user += c->fd >= 0 && c->who.uid == who->uid;
      place = place == NULL && c->fd < 0 ? c : place;
   }
   bool known = who->uid == 0 || who->uid == geteuid();
   return known || of_user < CLIENTS_OF_USER ? place : NULL;
}

static void take_client(struct request_server *s, int fd)
{
   struct ucred who;
   socklen_t length = sizeof(who);
   const struct timeval silent = {.tv_sec = SILENT_SECONDS}, slow = {.tv_sec = SLOW_SECONDS};
   struct answer a = {.text = NULL};
   const char *why = "too many clients";
   struct request_client *c = NULL;
   setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silent, sizeof(silent));
   setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &slow, sizeof(slow));
   if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0 || !may_ask(s, &who)) {
      why = "this user may not ask";
   } else if ((c = free_place(s, &who)) != NULL) {
      c->server = s;
      c->who = who;
      c->ended = false;
      c->fd = fd;
      if (pthread_create(&c->thread, NULL, client_thread, c) == 0) {
         return;
      }
      c->fd = -1;
      why = "no thread can be started";
   }
   atomic_fetch_add(&s->refused, 1);
   answer_error(&a, why);
   send_answer(fd, &a);
   answer_free(&a);
   close(fd);
}

static void *accept_thread(void *context)
{
   struct request_server *s = context;
   struct pollfd p = {.fd = s->fd, .events = POLLIN};
   while (!atomic_load(&s->stopping)) {
      if (poll(&p, 1, LOOK_MS) <= 0) {
         continue;
      }
      int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
      if (fd >= 0) {
         take_client(s, fd);
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
         poll(NULL, 0, LOOK_MS);
      }
   }
   return NULL;
}

/* -------------------------------------------------------------------- the server */

static bool listen_on(struct request_server *s, const char *name, char *why, size_t size)
{
   char reason[SOCKET_REASON_SIZE];
   struct socket_dirs dirs;
   struct stat st;
   if (socket_dirs_init(&dirs, DEFAULT_SOCKET_DIR, reason) != 0) {
      snprintf(why, size, "%s", reason);
      return false;
   }
   s->fd = socket_listen(&dirs, name, dirs.mode, NULL, CLIENTS_MAX, &s->name, reason);
   socket_dirs_free(&dirs);
   if (s->fd < 0) {
      snprintf(why, size, "%s", reason);
      return false;
   }
   s->group = stat(s->name.path, &st) == 0 ? st.st_gid : getegid();
   return true;
}

/* Signals are for the module's thread. */
static bool start_thread(struct request_server *s)
{
   sigset_t all, old;
   sigfillset(&all);
   pthread_sigmask(SIG_SETMASK, &all, &old);
   bool started = pthread_create(&s->thread, NULL, accept_thread, s) == 0;
   pthread_sigmask(SIG_SETMASK, &old, NULL);
   return started;
}

struct request_server *request_server_start(const char *name, const struct request_handler *handler,
                                            unsigned timeout_ms, char *why, size_t size)
{
   struct request_server *s = calloc(1, sizeof(*s));
   if (s == NULL) {
      snprintf(why, size, "out of memory");
      return NULL;
   }
   for (unsigned i = 0; i < CLIENTS_MAX; i++) {
      s->clients[i].fd = -1;
   }
   s->handler = *handler;
   s->timeout_ms = timeout_ms;
   pthread_mutex_init(&s->lock, NULL);
   bool listening = listen_on(s, name, why, size);
   if (listening && start_thread(s)) {
      return s;
   }
   if (listening) {
      snprintf(why, size, "cannot start a thread");
      socket_release(&s->name);
      close(s->fd);
   }
   pthread_mutex_destroy(&s->lock);
   free(s);
   return NULL;
}

uint64_t request_server_requests(const struct request_server *s)
{
   return atomic_load(&s->requests);
}

uint64_t request_server_refused(const struct request_server *s)
{
   return atomic_load(&s->refused);
}

void request_server_stop(struct request_server *s)
{
   if (s == NULL) {
      return;
   }
   atomic_store(&s->stopping, true);
   shutdown(s->fd, SHUT_RDWR); /* wakes the thread that accepts */
   pthread_join(s->thread, NULL);
   socket_release(&s->name);
   close(s->fd);
   for (unsigned i = 0; i < CLIENTS_MAX; i++) {
      if (s->clients[i].fd >= 0) {
         shutdown(s->clients[i].fd, SHUT_RDWR);
         pthread_join(s->clients[i].thread, NULL);
         close(s->clients[i].fd);
      }
   }
   pthread_mutex_destroy(&s->lock);
   free(s);
}
