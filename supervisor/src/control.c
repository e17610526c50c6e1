/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The socket for clients. The first line decides: a number is a code of NEMEA 2, "{" begins a request in JSON, one per line. What a client
 * may ask for depends on its user (enum role).
 */
#include "daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_LINE 2000  /* ms for it */
#define IDLE       60000 /* ms between requests, and for taking an answer */

enum { CODE_MENU = 789123, CODE_STATISTICS = 456987, CODE_INFO = 113366, CODE_RELOAD = 115599 };

static void close_client(struct daemon *d, struct client *c)
{
   if (c->tap != NULL) {
      tap_cancel(d, c->tap);
   }
   loop_close(d, &c->source);
   free(c->line);
   free(c->reply);
   memset(c, 0, sizeof(*c));
   c->source.fd = -1;
}

static bool reply(struct client *c, const char *text, size_t length)
{
   if (length > CONTROL_REPLY - c->n_reply) {
      return false;
   }
   char *grown = realloc(c->reply, c->n_reply + length + 1);
   if (grown == NULL) {
      return false;
   }
   c->reply = grown;
   memcpy(c->reply + c->n_reply, text, length);
   c->n_reply += length;
   return true;
}

static bool reply_json(struct client *c, json_t *o, const char *end)
{
   char *text = json_dumps(o, 0);
   bool ok = text != NULL && reply(c, text, strlen(text)) && reply(c, end, strlen(end));
   free(text);
   json_decref(o);
   return ok;
}

static bool run_code(struct daemon *d, struct client *c, const char *line)
{
   static const char no_menu[] = "[WARNING] This supervisor has no menu. Use: supcli COMMAND\n";
   c->closing = true;
   switch (strtol(line, NULL, 10)) {
   case CODE_STATISTICS: return reply_json(c, status_old(d, false), "");
   case CODE_INFO: return reply_json(c, status_old(d, true), "\n");
   case CODE_MENU: return reply(c, no_menu, strlen(no_menu));
   case CODE_RELOAD:
      if (c->role == ROLE_CONTROL) {
         json_t *report = json_object();
         (void) command_reload(d, report, 0);
         json_decref(report);
      }
      return false;
   default: return false;
   }
}

/* A whole line. \return false: to be closed */
static bool run_line(struct daemon *d, struct client *c, const char *line, size_t length)
{
   c->deadline = d->now + IDLE;
   if (*line != '{') {
      return length < 98 && run_code(d, c, line);
   }
   json_t *answer = command_run(d, c, line, length);
   return answer == NULL || reply_json(c, answer, "\n");
}

/* Runs one request; the next when its answer is gone. \return false: to be closed */
static bool run_lines(struct daemon *d, struct client *c)
{
   char *newline = c->n_reply == 0 && c->tap == NULL ? memchr(c->line, '\n', c->n_line) : NULL;
   if (newline == NULL) {
      return c->n_line < CONTROL_LINE;
   }
   *newline = 0;
   size_t length = (size_t) (newline - c->line);
   if (!run_line(d, c, c->line, length)) {
      return false;
   }
   c->n_line -= length + 1;
   memmove(c->line, newline + 1, c->n_line);
   return true;
}

static bool write_some(struct client *c)
{
   ssize_t n = send(c->source.fd, c->reply + c->sent, c->n_reply - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
   if (n < 0) {
      return errno == EAGAIN || errno == EINTR;
   }
   c->sent += (size_t) n;
   if (c->sent == c->n_reply) {
      free(c->reply);
      c->reply = NULL;
      c->n_reply = c->sent = 0;
      return !c->closing;
   }
   return true;
}

static bool read_some(struct client *c)
{
   ssize_t n = recv(c->source.fd, c->line + c->n_line, CONTROL_LINE - c->n_line, MSG_DONTWAIT);
   if (n <= 0) {
      return n < 0 && (errno == EAGAIN || errno == EINTR);
   }
   c->n_line += (size_t) n;
   return true;
}

/* Runs requests and sends answers as far as that goes without waiting. */
static void go_on(struct daemon *d, struct client *c, bool ok)
{
   while (ok && c->n_reply == 0 && c->tap == NULL && memchr(c->line, '\n', c->n_line) != NULL) {
      ok = run_lines(d, c) && (c->n_reply == 0 || write_some(c));
   }
   /* While an answer is to come, only the end of the connection is waited for. */
   ok = ok && (c->n_line < CONTROL_LINE || c->n_reply > 0 || c->tap != NULL) &&
        loop_change(d, &c->source,
                    c->tap != NULL   ? 0
                    : c->n_reply > 0 ? EPOLLOUT
                                     : EPOLLIN);
   if (!ok) {
      close_client(d, c);
   }
}

static void client_ready(struct daemon *d, struct source *source, uint32_t events)
{
   struct client *c = (struct client *) source;
   go_on(d, c, c->tap != NULL ? false : c->n_reply > 0 ? write_some(c) : read_some(c));
}

void control_answer(struct daemon *d, struct client *c, json_t *answer)
{
   c->deadline = d->now + IDLE;
   go_on(d, c, reply_json(c, answer, "\n") && write_some(c));
}

static enum role role_of(const struct daemon *d, uid_t uid)
{
   if (uid == 0 || uid == geteuid()) {
      return ROLE_CONTROL;
   }
   for (uint32_t i = 0; i < d->n_inspectors; i++) {
      if (d->inspectors[i] == uid) {
         return ROLE_INSPECT;
      }
   }
   return ROLE_READ;
}

static void accept_client(struct daemon *d, struct source *source, uint32_t events)
{
   struct ucred peer;
   socklen_t size = sizeof(peer);
   struct client *c = NULL;
   int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
   for (size_t i = 0; i < CONTROL_CLIENTS && c == NULL; i++) {
      c = d->clients[i].used ? NULL : &d->clients[i];
   }
   if (fd < 0) {
      return;
   }
   if (c == NULL || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
       (c->line = malloc(CONTROL_LINE)) == NULL) {
      close(fd);
      return;
   }
   c->used = true;
   c->uid = peer.uid;
   c->role = role_of(d, peer.uid);
   c->deadline = d->now + FIRST_LINE;
   c->source = (struct source){.fd = fd, .ready = client_ready};
   if (!loop_add(d, &c->source, EPOLLIN)) {
      close_client(d, c);
   }
}

void control_tick(struct daemon *d)
{
   for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
      if (d->clients[i].used && d->now >= d->clients[i].deadline) {
         close_client(d, &d->clients[i]);
      }
   }
}

bool control_listen(struct daemon *d)
{
   struct sockaddr_un a = {.sun_family = AF_UNIX};
   if (strlen(d->socket) >= sizeof(a.sun_path)) {
      fprintf(stderr, "supervisor: the path of the socket is too long: %s\n", d->socket);
      return false;
   }
   strcpy(a.sun_path, d->socket);
   int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
   (void) unlink(d->socket); /* of an earlier supervisor; there is no other, as the lock says */
   mode_t before = umask(0117);
   bool ok = fd >= 0 && bind(fd, (struct sockaddr *) &a, sizeof(a)) == 0 && listen(fd, 64) == 0;
   (void) umask(before);
   d->listener = (struct source){.fd = fd, .ready = accept_client};
   if (!ok || !loop_add(d, &d->listener, EPOLLIN)) {
      fprintf(stderr, "supervisor: cannot listen on %s: %s\n", d->socket, strerror(errno));
      return false;
   }
   return true;
}

void control_close(struct daemon *d)
{
   for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
      if (d->clients[i].used) {
         close_client(d, &d->clients[i]);
      }
   }
   if (d->listener.fd >= 0) {
      (void) unlink(d->socket);
      loop_close(d, &d->listener);
   }
}
