/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The socket for clients. The first line decides: a number is a code of NEMEA 2, "{" begins a request in JSON, one per line. What a client
 * may ask for depends on its user (enum role). The terminal of an interactive supervisor is a client, too.
 */
#include "menu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_LINE 2000  /* ms for it */
#define IDLE       60000 /* ms between requests, and for taking an answer */
#define CODE_LINE  97    /* bytes of a code with what follows it */
#define ONE_USER   32    /* clients of a user who may only read, so that others find room */

enum { CODE_MENU = 789123, CODE_STATISTICS = 456987, CODE_INFO = 113366, CODE_RELOAD = 115599 };

static void close_client(struct daemon *d, struct client *c)
{
   if (c->tap != NULL) {
      tap_cancel(d, c->tap);
   }
   menu_free(c->menu);
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

/* What the menu does with a line, or when nothing is typed. \return false: to be closed */
static bool run_menu(struct client *c, void (*step)(struct menu *m, const char *line, bool apart, FILE *out),
                     const char *line)
{
   char *text = NULL;
   size_t length = 0;
   FILE *out = open_memstream(&text, &length);
   if (out == NULL) {
      return false;
   }
   step(c->menu, line, c->apart, out);
   bool ok = fclose(out) == 0 && reply(c, text, length);
   free(text);
   c->apart = false;
   return ok;
}

static void begin_menu(struct menu *m, const char *line, bool apart, FILE *out)
{
   menu_begin(m, out);
}

static void refuse_line(struct menu *m, const char *line, bool apart, FILE *out)
{
   menu_refuse_line(m, out);
}

static void tick_menu(struct menu *m, const char *line, bool apart, FILE *out)
{
   menu_tick(m, out);
}

/* One client of a user has the menu, so that nobody keeps others from it. */
static bool open_menu(struct daemon *d, struct client *c)
{
   static const char taken[] =
       MENU_WARNING "[WARNING] Another client is connected to supervisor in configuration "
                    "mode, you have to wait.\n" MENU_RESET;
   for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
      const struct client *o = &d->clients[i];
      if (o->used && o != c && o->menu != NULL && o->uid == c->uid && !o->terminal) {
         c->closing = true;
         return reply(c, taken, strlen(taken));
      }
   }
   c->menu = menu_new(d, c->role, c->terminal);
   return c->menu != NULL && run_menu(c, begin_menu, NULL);
}

static bool run_code(struct daemon *d, struct client *c, const char *line)
{
   long code = strtol(line, NULL, 10);
   if (code == CODE_MENU) {
      return open_menu(d, c);
   }
   c->closing = true;
   switch (code) {
   case CODE_STATISTICS: return reply_json(c, status_old(d, false), "");
   case CODE_INFO: return reply_json(c, status_old(d, true), "\n");
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
   if (c->menu != NULL) {
      return run_menu(c, menu_answer, line);
   }
   if (*line != '{') {
      return length <= CODE_LINE && run_code(d, c, line);
   }
   json_t *answer = command_run(d, c, line, length);
   return answer == NULL || reply_json(c, answer, "\n");
}

/* Runs one request; the next when its answer is gone. \return false: to be closed */
static bool run_lines(struct daemon *d, struct client *c)
{
   char *newline = c->n_reply == 0 && c->tap == NULL ? memchr(c->line, '\n', c->n_line) : NULL;
   size_t first = newline != NULL ? (size_t) (newline - c->line) : c->n_line;
   if (c->menu != NULL && first > MENU_LINE) { /* with all that was read after it */
      c->n_line = 0;
      return run_menu(c, refuse_line, NULL);
   }
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
   ssize_t n = write(c->source.fd, c->reply + c->sent, c->n_reply - c->sent);
   if (n < 0) {
      return errno == EAGAIN || errno == EINTR;
   }
   c->sent += (size_t) n;
   if (c->sent == c->n_reply) {
      free(c->reply);
      c->reply = NULL;
      c->n_reply = c->sent = 0;
      c->deadline = c->menu != NULL ? PLAN_NEVER : c->deadline; /* a person may think */
      return !c->closing;
   }
   return true;
}

static bool read_some(struct client *c)
{
   ssize_t n = read(c->source.fd, c->line + c->n_line, CONTROL_LINE - c->n_line);
   if (n <= 0) {
      return n < 0 && (errno == EAGAIN || errno == EINTR);
   }
   c->n_line += (size_t) n;
   c->apart = true;
   return true;
}

/* Runs requests and sends answers as far as that goes without waiting. */
static void go_on(struct daemon *d, struct client *c, bool ok)
{
   while (ok && !c->closing && c->n_reply == 0 && c->tap == NULL &&
          (memchr(c->line, '\n', c->n_line) != NULL || (c->menu != NULL && c->n_line > MENU_LINE))) {
      ok = run_lines(d, c) && (c->n_reply == 0 || write_some(c));
   }
   /* While an answer is to come, only the end of the connection is waited for. */
   ok = ok && (c->n_line < CONTROL_LINE || c->n_reply > 0 || c->tap != NULL) &&
        loop_change(d, &c->source,
                    c->tap != NULL   ? 0
                    : c->n_reply > 0 ? EPOLLOUT
                                     : EPOLLIN);
   if (!ok) {
      d->leaving |= c->terminal; /* it was closed, or Ctrl-D was typed */
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

static struct client *free_slot(struct daemon *d, uid_t uid)
{
   struct client *slot = NULL;
   uint32_t same_user = 0;
   for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
      struct client *c = &d->clients[i];
      slot = slot == NULL && !c->used ? c : slot;
      same_user += c->used && c->uid == uid;
   }
   return same_user < ONE_USER || role_of(d, uid) == ROLE_CONTROL ? slot : NULL;
}

struct client *control_add(struct daemon *d, int fd, uid_t uid)
{
   struct client *c = free_slot(d, uid);
   if (c == NULL || (c->line = malloc(CONTROL_LINE)) == NULL) {
      close(fd);
      return NULL;
   }
   c->used = true;
   c->uid = uid;
   c->role = role_of(d, uid);
   c->deadline = d->now + FIRST_LINE;
   c->source = (struct source){.fd = fd, .ready = client_ready};
   if (!loop_add(d, &c->source, EPOLLIN)) {
      close_client(d, c);
      return NULL;
   }
   return c;
}

static void accept_client(struct daemon *d, struct source *source, uint32_t events)
{
   struct ucred peer;
   socklen_t size = sizeof(peer);
   int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
   if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
      (void) control_add(d, fd, peer.uid);
   } else if (fd >= 0) {
      close(fd);
   }
}

bool control_terminal(struct daemon *d)
{
   const char *name = ttyname(STDIN_FILENO);
   int fd = name != NULL ? open(name, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
   struct client *c = fd >= 0 ? control_add(d, fd, geteuid()) : NULL;
   if (c == NULL) {
      fprintf(stderr, "supervisor: cannot open the terminal: %s\n", strerror(errno));
      return false;
   }
   c->terminal = true;
   go_on(d, c, open_menu(d, c) && write_some(c));
   return true;
}

/* What it sent in time lies here: this process was late, and not the client. */
static bool has_sent(const struct client *c)
{
   struct pollfd p = {.fd = c->source.fd, .events = POLLIN};
   return c->n_reply == 0 && c->tap == NULL && poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

void control_tick(struct daemon *d)
{
   for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
      struct client *c = &d->clients[i];
      if (c->used && d->now >= c->deadline && !has_sent(c)) {
         close_client(d, c);
      }
   }
}

uint64_t control_menus(struct daemon *d)
{
   uint64_t next = PLAN_NEVER;
   for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
      struct client *c = &d->clients[i];
      uint64_t at = c->used && c->menu != NULL ? menu_deadline(c->menu) : PLAN_NEVER;
      if (d->now >= at) {
         c->deadline = d->now + IDLE;
         go_on(d, c, run_menu(c, tick_menu, NULL) && write_some(c));
      } else {
         next = at < next ? at : next;
      }
   }
   return next;
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
