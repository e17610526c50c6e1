/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * The service interface: answers requests for statistics on a UNIX socket. Runs in the I/O thread without ever waiting:
 * a client that is slow or silent does not delay the others; when there are too many, the oldest is closed.
 */
#include "out_socket.h"
#include "socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVICE_CLIENTS  64
#define SERVICE_CONTEXTS 100
#define HEADER           8 /* u8 code, 3 bytes of padding, u32 host order size */

enum { SERVICE_GET_STATS = 10, SERVICE_OK = 12 };

struct service_client {
   struct io_source source;
   struct service *service;
   uint8_t request[HEADER];
   size_t got;
   uint8_t *reply; /* NULL: waiting for a request */
   size_t size, sent;
   struct service_client *next; /* older ones follow */
};

struct service {
   struct io_source source;
   struct trap_context *ctx;
   pthread_mutex_t lock; /* between the I/O thread and service_stop() */
   bool stopped;
   uint32_t n_clients;
   struct service_client *clients;
   struct socket_name taken;
};

static void remove_client(struct service *s, struct service_client *c)
{
   struct service_client **p = &s->clients;
   while (*p != c) {
      p = &(*p)->next;
   }
   *p = c->next;
   s->n_clients--;
   source_close(&c->source);
   free(c->reply);
   free(c);
}

/* \return false when there is no memory for a reply */
static bool make_reply(struct service_client *c)
{
   char *text = stats_json(c->service->ctx);
   uint32_t size = text != NULL ? (uint32_t) strlen(text) + 1 : 0;
   c->reply = text != NULL ? malloc(HEADER + (size_t) size) : NULL;
   if (c->reply != NULL) {
      memcpy(c->reply, c->request, HEADER);
      c->reply[0] = SERVICE_OK;
      memcpy(c->reply + 4, &size, sizeof(size));
      memcpy(c->reply + HEADER, text, size);
      c->size = HEADER + (size_t) size;
      c->sent = 0;
   }
   free(text);
   return c->reply != NULL;
}

/* One step. \return 1: continue, 0: wait, -1: close the client */
static int read_request(struct service_client *c)
{
   uint32_t size;
   ssize_t n = recv(c->source.fd, c->request + c->got, HEADER - c->got, MSG_DONTWAIT);
   if (n <= 0) {
      return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
   }
   c->got += (size_t) n;
   if (c->got < HEADER) {
      return 1;
   }
   memcpy(&size, c->request + 4, sizeof(size));
   if (c->request[0] != SERVICE_GET_STATS || size != 0) {
      return -1;
   }
   c->got = 0;
   return make_reply(c) ? 1 : -1;
}

static int write_reply(struct service_client *c)
{
   ssize_t n = send(c->source.fd, c->reply + c->sent, c->size - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
   if (n < 0) {
      return errno == EAGAIN || errno == EINTR ? 0 : -1;
   }
   c->sent += (size_t) n;
   if (c->sent == c->size) {
      free(c->reply);
      c->reply = NULL;
   }
   return 1;
}

/* One step for one client; the thread does other things in between. */
static void request_ready(struct io_source *source, uint32_t events)
{
   struct service_client *c = (struct service_client *) source;
   struct service *s = c->service;
   pthread_mutex_lock(&s->lock);
   if (!s->stopped) {
      bool writing = c->reply != NULL;
      int rc = writing ? write_reply(c) : read_request(c);
      if (rc > 0 && !writing && c->reply != NULL) {
         rc = write_reply(c);
      }
      if (rc < 0) {
         remove_client(s, c);
      } else if (writing != (c->reply != NULL)) {
         (void) source_watch(&c->source, c->reply != NULL ? EPOLLOUT : EPOLLIN);
      }
   } else {
      remove_client(s, c);
   }
   pthread_mutex_unlock(&s->lock);
}

static void add_client(struct service *s, int fd)
{
   struct service_client *c = calloc(1, sizeof(*c));
   if (c == NULL) {
      close(fd);
      return;
   }
   c->source.ready = request_ready;
   c->service = s;
   c->source.fd = fd;
   c->next = s->clients;
   s->clients = c;
   s->n_clients++;
   if (source_add(io_reactor(s->ctx), &c->source, EPOLLIN) != 0) {
      remove_client(s, c);
   }
}

static void remove_oldest(struct service *s)
{
   struct service_client *oldest = s->clients;
   while (oldest->next != NULL) {
      oldest = oldest->next;
   }
   remove_client(s, oldest);
}

static void service_ready(struct io_source *source, uint32_t events)
{
   struct service *s = (struct service *) source;
   pthread_mutex_lock(&s->lock);
   int fd = -1;
   if (s->stopped) {
      source_close(source);
   } else {
      fd = accept_next(source);
   }
   if (fd >= 0) {
      if (s->n_clients >= SERVICE_CLIENTS) {
         remove_oldest(s);
      }
      add_client(s, fd);
   }
   pthread_mutex_unlock(&s->lock);
}

/* Listens on the name, or on the first of name_2, name_3, ... that is free if the name is a default one. */
static int listen_on(struct trap_context *ctx, struct service *s, const char *name,
                     char why[SOCKET_REASON_SIZE])
{
   char numbered[SOCKET_PATH_SIZE];
   int fd = -EINVAL;
   for (int k = 1; k <= SERVICE_CONTEXTS; k++) {
      snprintf(numbered, sizeof(numbered), "%s", name);
      if (k > 1) {
         snprintf(numbered, sizeof(numbered), "%.90s_%d", name, k);
      }
      fd = socket_listen(&ctx->sockets, numbered, ctx->sockets.mode, NULL, SERVICE_CLIENTS, &s->taken, why);
      if (fd != -EADDRINUSE || strncmp(name, SERVICE_DEFAULT, strlen(SERVICE_DEFAULT)) != 0) {
         break;
      }
   }
   return fd;
}

void service_start(struct trap_context *ctx, const char *name)
{
   char why[SOCKET_REASON_SIZE] = "out of memory";
   struct service *s = calloc(1, sizeof(*s));
   int fd = s != NULL ? listen_on(ctx, s, name, why) : -ENOMEM;
   if (fd >= 0) {
      s->ctx = ctx;
      s->source = (struct io_source){.ready = service_ready, .fd = fd};
      pthread_mutex_init(&s->lock, NULL);
      int rc = io_start(ctx) == TRAP_E_OK ? source_add(io_reactor(ctx), &s->source, EPOLLIN) : -EIO;
      if (rc == 0) {
         ctx->service = s;
         return;
      }
      socket_release(&s->taken);
      source_close(&s->source);
      pthread_mutex_destroy(&s->lock);
      snprintf(why, sizeof(why), "%s", strerror(-rc));
   }
   LOG_ERROR("Service %s cannot listen: %s; this module's counters cannot be read.", name, why);
   free(s);
}

void service_stop(struct trap_context *ctx)
{
   struct service *s = ctx->service;
   if (s == NULL) {
      return;
   }
   pthread_mutex_lock(&s->lock);
   s->stopped = true;
   socket_release(&s->taken);
   /* Sources are closed by the I/O thread, which owns them; until then peers already see the end. */
   shutdown(s->source.fd, SHUT_RDWR);
   for (struct service_client *c = s->clients; c != NULL; c = c->next) {
      shutdown(c->source.fd, SHUT_RDWR);
   }
   pthread_mutex_unlock(&s->lock);
}

void service_free(struct trap_context *ctx)
{
   struct service *s = ctx->service;
   if (s == NULL) {
      return;
   }
   while (s->clients != NULL) {
      remove_client(s, s->clients);
   }
   source_close(&s->source);
   pthread_mutex_destroy(&s->lock);
   free(s);
   ctx->service = NULL;
}
