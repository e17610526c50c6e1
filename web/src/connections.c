/* SPDX-License-Identifier: BSD-3-Clause */
#include "connections.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define IDLE_FACTOR 6 /* a browser keeps connections open for its next request */

void connections_init(struct connections *c, unsigned strangers_max)
{
   memset(c, 0, sizeof(*c));
   pthread_mutex_init(&c->lock, NULL);
   c->strangers_max = strangers_max;
   for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
      c->list[i].fd = -1;
   }
}

/* The server notices the end of its connection, as if the peer had closed it. */
static void end(struct connection *one)
{
   one->closed = true;
   (void) shutdown(one->fd, SHUT_RDWR);
}

struct connection *connections_add(struct connections *c, int fd, int64_t now)
{
   struct connection *place = NULL, *oldest = NULL;
   unsigned strangers = 0;
   pthread_mutex_lock(&c->lock);
   for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
      struct connection *one = &c->list[i];
      if (one->fd < 0) {
         place = place == NULL ? one : place;
      } else if (!one->known && !one->closed) {
         strangers++;
         oldest = oldest == NULL || one->since < oldest->since ? one : oldest;
      }
   }
   if (strangers >= c->strangers_max) {
      end(oldest);
      c->evicted++;
   }
   if (place != NULL) {
      *place = (struct connection){.fd = fd, .waiting = true, .since = now};
      c->n++;
      c->opened++;
   }
   pthread_mutex_unlock(&c->lock);
   return place;
}

void connections_remove(struct connections *c, struct connection *one)
{
   pthread_mutex_lock(&c->lock);
   one->fd = -1;
   c->n--;
   pthread_mutex_unlock(&c->lock);
}

void connections_busy(struct connections *c, struct connection *one, bool known)
{
   pthread_mutex_lock(&c->lock);
   one->waiting = false;
   one->known |= known;
   pthread_mutex_unlock(&c->lock);
}

void connections_idle(struct connections *c, struct connection *one, int64_t now)
{
   pthread_mutex_lock(&c->lock);
   one->waiting = true;
   one->since = now;
   pthread_mutex_unlock(&c->lock);
}

/* Its bytes lie here: the server is late, and not the browser. */
static bool has_sent(const struct connection *one)
{
   struct pollfd p = {.fd = one->fd, .events = POLLIN};
   return poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
}

void connections_tick(struct connections *c, int64_t now, int64_t limit)
{
   pthread_mutex_lock(&c->lock);
   for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
      struct connection *one = &c->list[i];
      if (one->fd >= 0 && one->waiting && !one->closed &&
          now - one->since > (one->known ? IDLE_FACTOR * limit : limit) && !has_sent(one)) {
         end(one);
         c->slow++;
      }
   }
   pthread_mutex_unlock(&c->lock);
}
