/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipfix_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_MS 5000 /* for each address */
#define POLL_MS    50   /* how often the thread checks whether it is still needed */

/* Shared by the thread and its creator; the last of the two frees it. */
struct ipfix_attempt {
   pthread_mutex_t lock;
   pthread_cond_t end;
   bool udp, ended, left;
   int fd;
   char error[ATTEMPT_ERROR];
   char *host, *port;
};

static void release(struct ipfix_attempt *a)
{
   if (a->fd >= 0) {
      close(a->fd);
   }
   pthread_cond_destroy(&a->end);
   pthread_mutex_destroy(&a->lock);
   free(a->host);
   free(a->port);
   free(a);
}

static bool is_left(struct ipfix_attempt *a)
{
   pthread_mutex_lock(&a->lock);
   bool left = a->left;
   pthread_mutex_unlock(&a->lock);
   return left;
}

/* \return 0 or an error number */
static int connect_to(struct ipfix_attempt *a, int fd, const struct addrinfo *to)
{
   int error = 0;
   socklen_t size = sizeof(error);
   if (connect(fd, to->ai_addr, to->ai_addrlen) == 0) {
      return 0;
   }
   if (errno != EINPROGRESS) {
      return errno;
   }
   for (int waited = 0; waited < CONNECT_MS && !is_left(a); waited += POLL_MS) {
      struct pollfd p = {.fd = fd, .events = POLLOUT};
      if (poll(&p, 1, POLL_MS) > 0) {
         return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
      }
   }
   return ETIMEDOUT;
}

static int connect_any(struct ipfix_attempt *a, char error[ATTEMPT_ERROR])
{
   struct addrinfo hints = {.ai_socktype = a->udp ? SOCK_DGRAM : SOCK_STREAM}, *all = NULL;
   int rc = getaddrinfo(a->host, a->port, &hints, &all), fd = -1;
   snprintf(error, ATTEMPT_ERROR, "%s", rc != 0 ? gai_strerror(rc) : "no address");
   if (rc != 0) {
      return -1;
   }
   for (const struct addrinfo *to = all; to != NULL && fd < 0; to = to->ai_next) {
      fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      rc = fd < 0 ? errno : connect_to(a, fd, to);
      if (rc != 0) {
         snprintf(error, ATTEMPT_ERROR, "%s", strerror(rc));
         if (fd >= 0) {
            close(fd);
            fd = -1;
         }
      }
   }
   freeaddrinfo(all);
   return fd;
}

static void *run(void *attempt)
{
   struct ipfix_attempt *a = attempt;
   char error[ATTEMPT_ERROR];
   int fd = connect_any(a, error);
   pthread_mutex_lock(&a->lock);
   a->fd = fd;
   memcpy(a->error, error, sizeof(error));
   a->ended = true;
   bool left = a->left;
   pthread_cond_signal(&a->end);
   pthread_mutex_unlock(&a->lock);
   if (left) {
      release(a);
   }
   return NULL;
}

static bool start_thread(struct ipfix_attempt *a)
{
   pthread_attr_t attributes;
   pthread_t thread;
   sigset_t all, before;
   if (pthread_attr_init(&attributes) != 0) {
      return false;
   }
   /* Detached, not joined: a name server that does not answer must not delay the end of the program. */
   pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
   sigfillset(&all);
   pthread_sigmask(SIG_BLOCK, &all, &before);
   int rc = pthread_create(&thread, &attributes, run, a);
   pthread_sigmask(SIG_SETMASK, &before, NULL);
   pthread_attr_destroy(&attributes);
   return rc == 0;
}

struct ipfix_attempt *ipfix_attempt_begin(const char *host, const char *port, bool udp)
{
   struct ipfix_attempt *a = calloc(1, sizeof(*a));
   pthread_condattr_t monotonic;
   if (a == NULL) {
      return NULL;
   }
   pthread_mutex_init(&a->lock, NULL);
   pthread_condattr_init(&monotonic);
   pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
   pthread_cond_init(&a->end, &monotonic);
   pthread_condattr_destroy(&monotonic);
   a->fd = -1;
   a->udp = udp;
   a->host = strdup(host);
   a->port = strdup(port);
   if (a->host == NULL || a->port == NULL || !start_thread(a)) {
      release(a);
      return NULL;
   }
   return a;
}

bool ipfix_attempt_ended(struct ipfix_attempt *a, unsigned ms)
{
   struct timespec until;
   clock_gettime(CLOCK_MONOTONIC, &until);
   until.tv_nsec += (long) (ms % 1000) * 1000000;
   until.tv_sec += (time_t) (ms / 1000) + until.tv_nsec / 1000000000;
   until.tv_nsec %= 1000000000;
   pthread_mutex_lock(&a->lock);
   while (!a->ended && ms > 0 && pthread_cond_timedwait(&a->end, &a->lock, &until) == 0) {
   }
   bool ended = a->ended;
   pthread_mutex_unlock(&a->lock);
   return ended;
}

int ipfix_attempt_socket(struct ipfix_attempt *a, char error[ATTEMPT_ERROR])
{
   pthread_mutex_lock(&a->lock);
   int fd = a->fd;
   a->fd = -1;
   memcpy(error, a->error, ATTEMPT_ERROR);
   pthread_mutex_unlock(&a->lock);
   return fd;
}

void ipfix_attempt_leave(struct ipfix_attempt *a)
{
   if (a == NULL) {
      return;
   }
   pthread_mutex_lock(&a->lock);
   a->left = true;
   bool ended = a->ended;
   pthread_mutex_unlock(&a->lock);
   if (ended) {
      release(a);
   }
}
