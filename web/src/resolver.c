/* SPDX-License-Identifier: BSD-3-Clause */
#include "resolver.h"

#include <nemea-common/nc_hash.h>
#include <netdb.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ADDRESS_SIZE INET6_ADDRSTRLEN

struct entry {
   char address[ADDRESS_SIZE], name[RESOLVER_NAME];
   int64_t until; /* monotonic seconds; 0: free */
};

/* The thread may be inside of the system's resolver for half a minute. Nobody waits for it: it releases this memory when it ends. */
struct resolver {
   pthread_mutex_t lock;
   pthread_cond_t changed;
   bool stopping;
   char queue[RESOLVER_QUEUE][ADDRESS_SIZE];
   unsigned first, n;
   struct entry cache[RESOLVER_CACHE];
};

static int64_t seconds(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return ts.tv_sec;
}

/* A cache of one entry for each value of the hash: a newer address replaces the older one. */
static struct entry *place_of(struct resolver *r, const char *address)
{
   return &r->cache[nc_hash(address, strlen(address)) % RESOLVER_CACHE];
}

bool resolver_plausible(const char *name)
{
   size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
   return length > 0 && name[length] == 0 && length < RESOLVER_NAME;
}

static void ask(const char *address, char name[RESOLVER_NAME])
{
   struct sockaddr_in four_address = {.sin_family = AF_INET};
   struct sockaddr_in6 six = {.sin6_family = AF_INET6};
   bool four = inet_pton(AF_INET, address, &four_address.sin_addr) == 1;
   *name = 0;
   if (!four && inet_pton(AF_INET6, address, &six.sin6_addr) != 1) {
      return;
   }
   int rc =
       four ? getnameinfo((struct sockaddr *) &four_address, sizeof(four_address), name, RESOLVER_NAME, NULL,
                          0, NI_NAMEREQD)
            : getnameinfo((struct sockaddr *) &six, sizeof(six), name, RESOLVER_NAME, NULL, 0, NI_NAMEREQD);
   if (rc != 0 || !resolver_plausible(name)) {
      *name = 0;
   }
}

static void *work(void *context)
{
   static const struct timespec pause = {.tv_nsec = 1000000000 / RESOLVER_RATE};
   struct resolver *r = context;
   pthread_mutex_lock(&r->lock);
   while (!r->stopping) {
      char address[ADDRESS_SIZE], name[RESOLVER_NAME];
      if (r->n == 0) {
         pthread_cond_wait(&r->changed, &r->lock);
         continue;
      }
      memcpy(address, r->queue[r->first], ADDRESS_SIZE);
      r->first = (r->first + 1) % RESOLVER_QUEUE;
      r->n--;
      pthread_mutex_unlock(&r->lock);
      ask(address, name);
      nanosleep(&pause, NULL);
      pthread_mutex_lock(&r->lock);
      struct entry *e = place_of(r, address);
      memcpy(e->address, address, ADDRESS_SIZE);
      memcpy(e->name, name, RESOLVER_NAME);
      e->until = seconds() + RESOLVER_SECONDS;
   }
   pthread_mutex_unlock(&r->lock);
   free(r);
   return NULL;
}

struct resolver *resolver_start(void)
{
   struct resolver *r = calloc(1, sizeof(*r));
   pthread_t thread;
   sigset_t all, old;
   if (r == NULL) {
      return NULL;
   }
   pthread_mutex_init(&r->lock, NULL);
   pthread_cond_init(&r->changed, NULL);
   sigfillset(&all);
   pthread_sigmask(SIG_SETMASK, &all, &old);
   int rc = pthread_create(&thread, NULL, work, r);
   pthread_sigmask(SIG_SETMASK, &old, NULL);
   if (rc != 0) {
      free(r);
      return NULL;
   }
   pthread_detach(thread);
   return r;
}

void resolver_stop(struct resolver *r)
{
   if (r == NULL) {
      return;
   }
   pthread_mutex_lock(&r->lock);
   r->stopping = true;
   pthread_cond_signal(&r->changed);
   pthread_mutex_unlock(&r->lock);
}

static bool is_queued(const struct resolver *r, const char *address)
{
   for (unsigned i = 0; i < r->n; i++) {
      if (strcmp(r->queue[(r->first + i) % RESOLVER_QUEUE], address) == 0) {
         return true;
      }
   }
   return false;
}

bool resolver_name(struct resolver *r, const char *address, char name[RESOLVER_NAME])
{
   *name = 0;
   if (r == NULL || strlen(address) >= ADDRESS_SIZE) {
      return false;
   }
   pthread_mutex_lock(&r->lock);
   struct entry *e = place_of(r, address);
   bool known = e->until > seconds() && strcmp(e->address, address) == 0;
   if (known) {
      memcpy(name, e->name, RESOLVER_NAME);
   } else if (r->n < RESOLVER_QUEUE && !is_queued(r, address)) {
      snprintf(r->queue[(r->first + r->n++) % RESOLVER_QUEUE], ADDRESS_SIZE, "%s", address);
      pthread_cond_signal(&r->changed);
   }
   pthread_mutex_unlock(&r->lock);
   return known;
}
