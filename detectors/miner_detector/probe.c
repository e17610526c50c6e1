/* SPDX-License-Identifier: BSD-3-Clause */
/** Checks of servers: the queue, the thread, and the dialogues. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER   4096 /* bytes of an answer that are looked at */
#define GRACE_MS 1000 /* between two parts of an answer */
#define NEVER_MS UINT64_MAX

struct answer {
   struct pool pool;
   enum probe_result result;
};

struct probe {
   struct probe_config config;
   pthread_t thread;
   pthread_mutex_t lock;
   /* Under the lock. In rings; an answer is only given where the ring of answers has room. */
   struct pool queue[PROBE_QUEUE];
   struct answer answers[PROBE_QUEUE];
   uint32_t queue_first, queue_n, answers_first, answers_n;
   bool stop;
   int wake; /* eventfd: something was queued, or stop is set, or there is room for answers */
   /* Of the thread. */
   uint64_t last; /* ms at which the last connection began */
   bool any;      /* last has a value */
};

/* -------------------------------------------------------------------- dialogues */

#define TX(text) text "\n"

static const struct {
   const char *request;
   const char *expected[4]; /* in this order */
} dialogues[PROBE_DIALOGUES] = {
    {TX("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cpuminer/2.4.3\"]}"), {"mining.notify"}},
    {TX("{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"x\",\"pass\":\"x\","
        "\"agent\":"
        "\"cpuminer-multi/0.1\"}}"),
     {"blob", "job_id", "target"}},
    {TX("{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"eth_submitLogin\",\"params\":[\"x\",\"x\"]}"),
     {"jsonrpc", "result\":true"}},
    {TX("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"equihashminer\",null,\"localhost\",\"3333\"]"
        "}"),
     {"mining.set_target"}},
};

bool probe_matches(unsigned i, const char *answer, size_t n)
{
   char text[ANSWER];
   size_t used = 0;
   for (size_t k = 0; k < n && used < sizeof(text); k++) {
      if (answer[k] != ' ') {
         text[used++] = answer[k];
      }
   }
   const char *at = text;
   for (size_t k = 0; k < 4 && dialogues[i].expected[k] != NULL; k++) {
      const char *word = dialogues[i].expected[k];
      const char *found = memmem(at, used - (size_t) (at - text), word, strlen(word));
      if (found == NULL) {
         return false;
      }
      at = found + strlen(word);
   }
   return true;
}

/* ---------------------------------------------------------------------- waiting */

static uint64_t milliseconds(void)
{
   struct timespec ts;
   clock_gettime(CLOCK_MONOTONIC, &ts);
   return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}

static bool stopped(struct probe *p)
{
   pthread_mutex_lock(&p->lock);
   bool stop = p->stop;
   pthread_mutex_unlock(&p->lock);
   return stop;
}

static void drain(const struct probe *p)
{
   uint64_t n;
   while (read(p->wake, &n, sizeof(n)) == sizeof(n)) {
   }
}

/* Waits for a descriptor (-1: for nothing but time, or wake-ups if wait_for_wake) until a moment. \return false: the moment has come, or
 * the thread shall end */
static bool wait_until(struct probe *p, int fd, short events, uint64_t until, bool wait_for_wake)
{
   for (;;) {
      uint64_t now = milliseconds();
      uint64_t left = until <= now ? 0 : until - now;
      struct pollfd fds[2] = {{.fd = p->wake, .events = POLLIN}, {.fd = fd, .events = events}};
      int timeout = until == NEVER_MS ? -1 : left > 60000 ? 60000 : (int) left;
      int n = poll(fds, fd >= 0 ? 2 : 1, timeout);
      if (fds[0].revents != 0 && n > 0) {
         drain(p);
         if (stopped(p)) {
            return false;
         }
         if (wait_for_wake) {
            return true;
         }
      }
      if (n > 0 && fd >= 0 && fds[1].revents != 0) {
         return true;
      }
      if ((n < 0 && errno != EINTR) || left == 0) {
         return false;
      }
   }
}

/* ------------------------------------------------------------------ connections */

static socklen_t address_of(const struct pool *pool, struct sockaddr_storage *to)
{
   memset(to, 0, sizeof(*to));
   if (ip_is4(&pool->ip)) {
      struct sockaddr_in *in = (struct sockaddr_in *) (void *) to;
      in->sin_family = AF_INET;
      in->sin_port = htons(pool->port);
      in->sin_addr.s_addr = htonl(ip_get_v4_as_int(&pool->ip));
      return sizeof(*in);
   }
   struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) (void *) to;
   in6->sin6_family = AF_INET6;
   in6->sin6_port = htons(pool->port);
   memcpy(&in6->sin6_addr, &pool->ip, sizeof(in6->sin6_addr));
   return sizeof(*in6);
}

/* Errors that say nothing about the server. */
static bool is_local(int error)
{
   return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS || error == ENETUNREACH ||
          error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPERM || error == EACCES ||
          error == ENETDOWN;
}

/* \return descriptor; -1: *error is what the server did, or 0 when the thread shall end */
static int connect_to(struct probe *p, const struct pool *pool, int *error)
{
   struct sockaddr_storage address;
   socklen_t size = address_of(pool, &address), length = sizeof(*error);
   int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
   *error = errno;
   if (fd < 0) {
      return -1;
   }
   *error = connect(fd, (const struct sockaddr *) &address, size) == 0 ? 0 : errno;
   if (*error == EINPROGRESS) {
      bool ready = wait_until(p, fd, POLLOUT, milliseconds() + p->config.connect_ms, false);
      *error = ETIMEDOUT;
      if (ready && getsockopt(fd, SOL_SOCKET, SO_ERROR, error, &length) != 0) {
         *error = errno;
      }
   }
   if (*error != 0) {
      close(fd);
      return -1;
   }
   return fd;
}

enum dialogue { MATCH, NO_MATCH, SILENT, UNREACHABLE, LOCAL };

/* Reads until the answer matches, or cannot any more. */
static enum dialogue read_answer(struct probe *p, unsigned i, int fd)
{
   char answer[ANSWER];
   size_t n = 0;
   uint64_t end = milliseconds() + p->config.read_ms, until = end;
   while (n < sizeof(answer)) {
      if (!wait_until(p, fd, POLLIN, until, false)) {
         return n > 0 ? NO_MATCH : SILENT;
      }
      ssize_t got = recv(fd, answer + n, sizeof(answer) - n, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
         continue;
      }
      if (got <= 0) {
         return NO_MATCH; /* it does not understand this protocol, and maybe another one */
      }
      n += (size_t) got;
      if (probe_matches(i, answer, n)) {
         return MATCH;
      }
      uint64_t grace = milliseconds() + GRACE_MS;
      until = grace < end ? grace : end;
   }
   return NO_MATCH;
}

static enum dialogue run_dialogue(struct probe *p, const struct pool *pool, unsigned i)
{
   const char *request = dialogues[i].request;
   int error;
   int fd = connect_to(p, pool, &error);
   if (fd < 0) {
      return is_local(error) ? LOCAL : UNREACHABLE;
   }
   /* A request is shorter than the buffer of a new socket. */
   enum dialogue result = send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t) strlen(request)
                              ? read_answer(p, i, fd)
                              : NO_MATCH;
   close(fd);
   return result;
}

static enum probe_result check(struct probe *p, const struct pool *pool)
{
   for (unsigned i = 0; i < PROBE_DIALOGUES && !stopped(p); i++) {
      if (p->any) {
         wait_until(p, -1, 0, p->last + p->config.interval_ms, false);
      }
      if (stopped(p)) {
         break;
      }
      p->last = milliseconds();
      p->any = true;
      switch (run_dialogue(p, pool, i)) {
      case MATCH: return PROBE_POOL;
      case LOCAL: return PROBE_FAILED;
      case UNREACHABLE:
      case SILENT: return PROBE_OTHER;
      default: break;
      }
   }
   return PROBE_OTHER;
}

/* ----------------------------------------------------------------------- thread */

/* Waits for a server to ask. \return false: end */
static bool take(struct probe *p, struct pool *pool)
{
   for (;;) {
      pthread_mutex_lock(&p->lock);
      bool stop = p->stop, ready = p->queue_n > 0 && p->answers_n < PROBE_QUEUE;
      if (!stop && ready) {
         *pool = p->queue[p->queue_first];
         p->queue_first = (p->queue_first + 1) % PROBE_QUEUE;
         p->queue_n--;
      }
      pthread_mutex_unlock(&p->lock);
      if (stop || ready) {
         return !stop;
      }
      wait_until(p, -1, 0, NEVER_MS, true);
   }
}

static void *run(void *context)
{
   struct probe *p = context;
   struct pool pool;
   while (take(p, &pool)) {
      struct answer answer = {.pool = pool, .result = check(p, &pool)};
      pthread_mutex_lock(&p->lock);
      p->answers[(p->answers_first + p->answers_n++) % PROBE_QUEUE] = answer;
      pthread_mutex_unlock(&p->lock);
   }
   return NULL;
}

static void wake(const struct probe *p)
{
   uint64_t one = 1;
   ssize_t written = write(p->wake, &one, sizeof(one));
   (void) written; /* it fails only when the counter is full, so that the thread wakes up anyway */
}

struct probe *probe_new(const struct probe_config *config)
{
   sigset_t all, before;
   struct probe *p = calloc(1, sizeof(*p));
   if (p == NULL) {
      return NULL;
   }
   p->config = *config;
   p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
   pthread_mutex_init(&p->lock, NULL);
   sigfillset(&all); /* signals are for the module's thread */
   pthread_sigmask(SIG_SETMASK, &all, &before);
   int error = p->wake < 0 ? errno : pthread_create(&p->thread, NULL, run, p);
   pthread_sigmask(SIG_SETMASK, &before, NULL);
   if (error != 0) {
      if (p->wake >= 0) {
         close(p->wake);
      }
      pthread_mutex_destroy(&p->lock);
      free(p);
      errno = error;
      return NULL;
   }
   return p;
}

void probe_free(struct probe *p)
{
   if (p == NULL) {
      return;
   }
   pthread_mutex_lock(&p->lock);
   p->stop = true;
   pthread_mutex_unlock(&p->lock);
   wake(p);
   pthread_join(p->thread, NULL);
   close(p->wake);
   pthread_mutex_destroy(&p->lock);
   free(p);
}

bool probe_ask(struct probe *p, const struct pool *pool)
{
   pthread_mutex_lock(&p->lock);
   bool room = p->queue_n < PROBE_QUEUE;
   if (room) {
      p->queue[(p->queue_first + p->queue_n++) % PROBE_QUEUE] = *pool;
   }
   pthread_mutex_unlock(&p->lock);
   if (room) {
      wake(p);
   }
   return room;
}

bool probe_next(struct probe *p, struct pool *pool, enum probe_result *result)
{
   pthread_mutex_lock(&p->lock);
   bool any = p->answers_n > 0;
   if (any) {
      *pool = p->answers[p->answers_first].pool;
      *result = p->answers[p->answers_first].result;
      p->answers_first = (p->answers_first + 1) % PROBE_QUEUE;
      p->answers_n--;
   }
   pthread_mutex_unlock(&p->lock);
   if (any) {
      wake(p);
   }
   return any;
}
