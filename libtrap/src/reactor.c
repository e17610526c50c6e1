/* SPDX-License-Identifier: BSD-3-Clause */
#include "reactor.h"
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS      64 /* fetched at once */
#define FIRST_SLOTS 16
#define MAX_SLOTS   65536u /* far above what the outputs of a context can have */

int reactor_open(struct reactor *r)
{
   memset(r, 0, sizeof(*r));
   r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
   if (r->epoll_fd < 0) {
      return -errno;
   }
   pthread_mutex_init(&r->lock, NULL);
   return 0;
}

int reactor_close(struct reactor *r)
{
   pthread_mutex_lock(&r->lock);
   bool busy = r->n_sources > 0;
   pthread_mutex_unlock(&r->lock);
   if (busy) {
      return -EBUSY;
   }
   close(r->epoll_fd);
   r->epoll_fd = -1;
   pthread_mutex_destroy(&r->lock);
   free(r->slots);
   r->slots = NULL;
   r->n_slots = 0;
   return 0;
}

/* Called under the lock. \return a free slot, n_slots if there is none */
static uint32_t free_slot(struct reactor *r)
{
   uint32_t i = 0;
   while (i < r->n_slots && r->slots[i].source != NULL) {
      i++;
   }
   if (i == r->n_slots && r->n_slots < MAX_SLOTS) {
      uint32_t n = r->n_slots == 0 ? FIRST_SLOTS : 2 * r->n_slots;
      struct reactor_slot *slots = realloc(r->slots, n * sizeof(*slots));
      if (slots != NULL) {
         memset(slots + r->n_slots, 0, (n - r->n_slots) * sizeof(*slots));
         r->slots = slots;
         r->n_slots = n;
      }
   }
   return i;
}

static uint64_t name_of(const struct reactor *r, uint32_t slot)
{
   return (uint64_t) r->slots[slot].registration << 32 | slot;
}

int source_add(struct reactor *r, struct io_source *source, uint32_t events)
{
   if (source->reactor != NULL) {
      return -EEXIST;
   }
   int rc = 0;
   pthread_mutex_lock(&r->lock);
   uint32_t slot = free_slot(r);
   if (slot == r->n_slots) {
      rc = -ENOMEM;
   } else {
      r->slots[slot].registration++;
      struct epoll_event ev = {.events = events, .data.u64 = name_of(r, slot)};
      rc = epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, source->fd, &ev) < 0 ? -errno : 0;
   }
   if (rc == 0) {
      source->reactor = r;
      source->slot = slot;
      source->resume_at = 0;
      source->events = events;
      r->slots[slot].source = source;
      r->n_sources++;
   }
   pthread_mutex_unlock(&r->lock);
   return rc;
}

/* Called under the lock. */
static int watch(struct reactor *r, struct io_source *source, uint32_t events)
{
   struct epoll_event ev = {.events = events, .data.u64 = name_of(r, source->slot)};
   return epoll_ctl(r->epoll_fd, EPOLL_CTL_MOD, source->fd, &ev) < 0 ? -errno : 0;
}

/* Called under the lock. */
static void end_pause(struct reactor *r, struct io_source *source)
{
   if (source->resume_at != 0) {
      source->resume_at = 0;
      r->n_paused--;
   }
}

int source_watch(struct io_source *source, uint32_t events)
{
   struct reactor *r = source->reactor;
   if (r == NULL) {
      return -ENOENT;
   }
   pthread_mutex_lock(&r->lock);
   end_pause(r, source);
   source->events = events;
   int rc = watch(r, source, events);
   pthread_mutex_unlock(&r->lock);
   return rc;
}

void source_pause(struct io_source *source, int ms)
{
   struct reactor *r = source->reactor;
   if (r == NULL) {
      return;
   }
   pthread_mutex_lock(&r->lock);
   if (watch(r, source, 0) == 0) {
      r->n_paused += source->resume_at == 0;
      source->resume_at = now_ms() + ms;
   }
   pthread_mutex_unlock(&r->lock);
}

/* \return timeout, or less when a pause ends sooner */
static int resume_sources(struct reactor *r, int timeout)
{
   pthread_mutex_lock(&r->lock);
   int64_t now = r->n_paused > 0 ? now_ms() : 0;
   for (uint32_t i = 0; r->n_paused > 0 && i < r->n_slots; i++) {
      struct io_source *source = r->slots[i].source;
      if (source == NULL || source->resume_at == 0) {
         continue;
      }
      int64_t left = source->resume_at - now;
      if (left <= 0) {
         end_pause(r, source);
         (void) watch(r, source, source->events);
      } else if (timeout < 0 || left < timeout) {
         timeout = (int) left;
      }
   }
   pthread_mutex_unlock(&r->lock);
   return timeout;
}

void source_remove(struct io_source *source)
{
   struct reactor *r = source->reactor;
   if (r == NULL) {
      return;
   }
   pthread_mutex_lock(&r->lock);
   /* Fails only if other code has closed the descriptor; later events of it are stale. */
   (void) epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
   end_pause(r, source);
   r->slots[source->slot].source = NULL;
   r->n_sources--;
   source->reactor = NULL;
   pthread_mutex_unlock(&r->lock);
}

void source_close(struct io_source *source)
{
   source_remove(source);
   if (source->fd >= 0) {
      (void) shutdown(source->fd, SHUT_RDWR); /* fails for what is no socket */
      close(source->fd);
      source->fd = -1;
   }
}

/* NULL: the registration that the event was for has ended */
static struct io_source *source_of(struct reactor *r, uint64_t name)
{
   uint32_t slot = (uint32_t) name;
   pthread_mutex_lock(&r->lock);
   struct io_source *source = slot < r->n_slots && name == name_of(r, slot) ? r->slots[slot].source : NULL;
   pthread_mutex_unlock(&r->lock);
   return source;
}

int reactor_run(struct reactor *r, int timeout)
{
   struct epoll_event events[EVENTS];
   int n = epoll_wait(r->epoll_fd, events, EVENTS, resume_sources(r, timeout));
   if (n < 0) {
      return errno == EINTR ? 0 : -errno;
   }
   for (int i = 0; i < n; i++) {
      struct io_source *source = source_of(r, events[i].data.u64);
      if (source != NULL) {
         source->ready(source, events[i].events);
      } else {
         atomic_fetch_add_explicit(&r->stale, 1, memory_order_relaxed);
      }
   }
   return n;
}
