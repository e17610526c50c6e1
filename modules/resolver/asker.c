/* SPDX-License-Identifier: BSD-3-Clause */
#include "asker.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TRIES 2
#define AT_ONCE \
   100 /* questions that a name server has at a time: more than its socket holds would be dropped */
#define LOOK_MS 1000

/* A question on its way, or its answer: a slot is in one of the lists, or with c-ares. */
struct slot {
   struct asker *asker;
   struct slot *next;
   struct question question;
   struct reply reply;
};

struct list {
   struct slot *first, **last;
};

struct asker {
   pthread_t thread;
   pthread_mutex_t lock; /* of the lists */
   struct list questions, replies;
   struct slot *unused;
   struct slot slots[ASKER_SLOTS];
   _Atomic bool has_replies, stopping;
   ares_channel channel;
   unsigned on_way; /* questions with c-ares; of the thread */
   int wake;
};

static void list_put(struct list *l, struct slot *s)
{
   s->next = NULL;
   *l->last = s;
   l->last = &s->next;
}

static struct slot *list_take(struct list *l)
{
   struct slot *s = l->first;
   if (s != NULL) {
      l->first = s->next;
      l->last = s->next == NULL ? &l->first : l->last;
   }
   return s;
}

/* -------------------------------------------------------------------- the thread */

static void reply(struct slot *s)
{
   struct asker *a = s->asker;
   a->on_way--;
   s->reply.key = s->question.key;
   pthread_mutex_lock(&a->lock);
   list_put(&a->replies, s);
   pthread_mutex_unlock(&a->lock);
   atomic_store(&a->has_replies, true);
}

static void got_name(void *context, int status, int timeouts, struct hostent *host)
{
   struct slot *s = context;
   (void) timeouts;
   s->reply.found = status == ARES_SUCCESS && host != NULL && host->h_name != NULL && *host->h_name != 0 &&
                    strlen(host->h_name) < NAME_SIZE;
   if (s->reply.found) {
      strcpy(s->reply.name, host->h_name);
   }
   reply(s);
}

static void got_address(void *context, int status, int timeouts, struct ares_addrinfo *info)
{
   struct slot *s = context;
   int family = s->question.key.kind == ASK_A ? AF_INET : AF_INET6;
   (void) timeouts;
   s->reply.found = false;
   for (const struct ares_addrinfo_node *n = status == ARES_SUCCESS ? info->nodes : NULL;
        n != NULL && !s->reply.found; n = n->ai_next) {
      s->reply.found = n->ai_family == family;
      if (n->ai_family == AF_INET && s->reply.found) {
         const struct sockaddr_in *in = (const void *) n->ai_addr;
         s->reply.address = ip_from_4_bytes_be((const char *) &in->sin_addr);
      } else if (s->reply.found) {
         const struct sockaddr_in6 *in = (const void *) n->ai_addr;
         s->reply.address = ip_from_16_bytes_be((const char *) &in->sin6_addr);
      }
   }
   if (info != NULL) {
      ares_freeaddrinfo(info);
   }
   reply(s);
}

static void ask(struct asker *a, struct slot *s)
{
   const struct question *q = &s->question;
   struct ares_addrinfo_hints hints = {.ai_family = q->key.kind == ASK_A ? AF_INET : AF_INET6,
                                       .ai_flags = ARES_AI_NOSORT};
   if (q->key.kind != ASK_PTR) {
      ares_getaddrinfo(a->channel, q->name, NULL, &hints, got_address, s);
   } else if (ip_is4(&q->address)) {
      ares_gethostbyaddr(a->channel, (const char *) &q->address + 8, 4, AF_INET, got_name, s);
   } else {
      ares_gethostbyaddr(a->channel, &q->address, 16, AF_INET6, got_name, s);
   }
}

/* Waits for answers, questions, and the end of attempts. */
static void wait_for_events(struct asker *a)
{
   ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
   struct pollfd polls[ARES_GETSOCK_MAXNUM + 1];
   struct timeval most = {.tv_sec = LOOK_MS / 1000}, buffer, *left = ares_timeout(a->channel, &most, &buffer);
   int bits = ares_getsock(a->channel, sockets, ARES_GETSOCK_MAXNUM);
   nfds_t n = 0;
   for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
      /* As ARES_GETSOCK_READABLE and ARES_GETSOCK_WRITABLE, which shift into the sign. */
      unsigned reads = (unsigned) bits >> i & 1, writes = (unsigned) bits >> (i + ARES_GETSOCK_MAXNUM) & 1;
      short events = (short) ((reads != 0 ? POLLIN : 0) | (writes != 0 ? POLLOUT : 0));
      if (events != 0) {
         polls[n++] = (struct pollfd){.fd = sockets[i], .events = events};
      }
   }
   polls[n] = (struct pollfd){.fd = a->wake, .events = POLLIN};
   poll(polls, n + 1, (int) (left->tv_sec * 1000 + left->tv_usec / 1000 + 1));
   if ((polls[n].revents & POLLIN) != 0) {
      uint64_t ignored;
      (void) !read(a->wake, &ignored, sizeof(ignored));
   }
   bool any = false;
   for (nfds_t i = 0; i < n; i++) {
      if (polls[i].revents != 0) {
         any = true;
         ares_process_fd(a->channel,
                         (polls[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0 ? polls[i].fd
                                                                                : ARES_SOCKET_BAD,
                         (polls[i].revents & POLLOUT) != 0 ? polls[i].fd : ARES_SOCKET_BAD);
      }
   }
   if (!any) {
      ares_process_fd(a->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* attempts that took too long */
   }
}

static void *run(void *context)
{
   struct asker *a = context;
   while (!atomic_load(&a->stopping)) {
      while (a->on_way < AT_ONCE) {
         pthread_mutex_lock(&a->lock);
         struct slot *s = list_take(&a->questions);
         pthread_mutex_unlock(&a->lock);
         if (s == NULL) {
            break;
         }
         a->on_way++;
         ask(a, s);
      }
      wait_for_events(a);
   }
   ares_cancel(a->channel);
   return NULL;
}

/* -------------------------------------------------------------------- the owner */

bool asker_put(struct asker *a, const struct question *q)
{
   const uint64_t one = 1;
   pthread_mutex_lock(&a->lock);
   struct slot *s = a->unused;
   bool idle = a->questions.first == NULL;
   if (s != NULL) {
      a->unused = s->next;
      s->question = *q;
      list_put(&a->questions, s);
   }
   pthread_mutex_unlock(&a->lock);
   if (s != NULL && idle) {
      (void) !write(a->wake, &one, sizeof(one));
   }
   return s != NULL;
}

bool asker_take(struct asker *a, struct reply *r)
{
   if (!atomic_load_explicit(&a->has_replies, memory_order_relaxed)) {
      return false;
   }
   pthread_mutex_lock(&a->lock);
   struct slot *s = list_take(&a->replies);
   if (s != NULL) {
      *r = s->reply;
      s->next = a->unused;
      a->unused = s;
   } else {
      atomic_store(&a->has_replies, false);
   }
   pthread_mutex_unlock(&a->lock);
   return s != NULL;
}

static bool open_channel(struct asker *a, const char *servers, unsigned timeout, char why[ASKER_WHY])
{
   struct ares_options o = {.flags = ARES_FLAG_NOSEARCH, .timeout = (int) timeout, .tries = TRIES};
   int status = ares_library_init(ARES_LIB_INIT_ALL);
   if (status == ARES_SUCCESS) {
      status = ares_init_options(&a->channel, &o, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
   }
   if (status != ARES_SUCCESS) {
      snprintf(why, ASKER_WHY, "c-ares: %s", ares_strerror(status));
      return false;
   }
   if (servers != NULL && ares_set_servers_ports_csv(a->channel, servers) != ARES_SUCCESS) {
      snprintf(why, ASKER_WHY, "option --server: \"%.100s\": expected ADDRESS[:PORT],...", servers);
      return false;
   }
   return true;
}

/* Signals are for the module's thread. */
static bool start_thread(struct asker *a)
{
   sigset_t all, old;
   sigfillset(&all);
   pthread_sigmask(SIG_SETMASK, &all, &old);
   bool started = pthread_create(&a->thread, NULL, run, a) == 0;
   pthread_sigmask(SIG_SETMASK, &old, NULL);
   return started;
}

static void free_asker(struct asker *a)
{
   if (a->channel != NULL) {
      ares_destroy(a->channel);
   }
   ares_library_cleanup();
   if (a->wake >= 0) {
      close(a->wake);
   }
   pthread_mutex_destroy(&a->lock);
   free(a);
}

struct asker *asker_start(const char *servers, unsigned timeout, char why[ASKER_WHY])
{
   struct asker *a = calloc(1, sizeof(*a));
   if (a == NULL) {
      snprintf(why, ASKER_WHY, "out of memory");
      return NULL;
   }
   a->questions.last = &a->questions.first;
   a->replies.last = &a->replies.first;
   for (unsigned i = 0; i < ASKER_SLOTS; i++) {
      a->slots[i].asker = a;
      a->slots[i].next = a->unused;
      a->unused = &a->slots[i];
   }
   pthread_mutex_init(&a->lock, NULL);
   a->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
   bool open = open_channel(a, servers, timeout, why);
   if (open && (a->wake < 0 || !start_thread(a))) {
      snprintf(why, ASKER_WHY, "cannot start a thread: %s", strerror(errno));
      open = false;
   }
   if (!open) {
      free_asker(a);
      return NULL;
   }
   return a;
}

void asker_stop(struct asker *a)
{
   const uint64_t one = 1;
   if (a != NULL) {
      atomic_store(&a->stopping, true);
      (void) !write(a->wake, &one, sizeof(one));
      pthread_join(a->thread, NULL);
      free_asker(a);
   }
}
