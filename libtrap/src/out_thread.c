/* SPDX-License-Identifier: BSD-3-Clause */
/** The I/O thread of a context: it runs the reactor, serves the streams of outputs and flushes old blocks. */
#include "out_socket.h"
#include "reactor.h"
#include "socket.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum sleep_state { AWAKE, SLEEPING, SLEEPING_FOREVER };

struct io_thread {
   pthread_t thread;
   struct reactor reactor;
   struct io_source wake; /* an eventfd */
   _Atomic int sleeping;
   _Atomic bool stop;
   bool woken;          /* by a sender */
   pthread_mutex_t mtx; /* outputs */
   struct socket_output *outputs;
};

void io_wake(struct trap_context *ctx)
{
   eventfd_signal(ctx->io->wake.fd);
}

void io_kick(struct trap_context *ctx)
{
   struct io_thread *io = ctx->io;
   if (atomic_load(&io->sleeping) != AWAKE) {
      atomic_store(&io->sleeping, AWAKE);
      eventfd_signal(io->wake.fd);
   }
}

void io_arm(struct trap_context *ctx)
{
   struct io_thread *io = ctx->io;
   if (atomic_load(&io->sleeping) == SLEEPING_FOREVER) {
      atomic_store(&io->sleeping, AWAKE);
      eventfd_signal(io->wake.fd);
   }
}

struct reactor *io_reactor(struct trap_context *ctx)
{
   return &ctx->io->reactor;
}

void output_changed(struct socket_output *s)
{
   /* In the reverse order of begin_wait(): a sender that misses this step of progress still has its flag set. */
   pthread_mutex_lock(&s->mtx);
   atomic_store(&s->waiting, false);
   atomic_fetch_add(&s->progress, 1);
   pthread_cond_broadcast(&s->changed);
   pthread_mutex_unlock(&s->mtx);
}

/* Finishes a block that has waited for the autoflush period. */
static void autoflush(struct socket_output *s, int64_t *wake_at)
{
   int64_t period = atomic_load(&s->out.autoflush);
   int64_t since = atomic_load(&s->block_since);
   if (since == 0 || period < 0 || atomic_load(&s->n_clients) == 0) {
      return;
   }
   if (now_us() - since >= period) {
      output_lock(s);
      if (output_finish_block(s)) {
         atomic_fetch_add(&s->out.autoflushes, 1);
      }
      output_unlock(s);
      return;
   }
   int64_t at = (since + period + 999) / 1000;
   if (*wake_at < 0 || at < *wake_at) {
      *wake_at = at;
   }
}

/* \return true when there is more to do at once */
static bool serve_outputs(struct io_thread *io, int64_t *wake_at)
{
   bool more = false;
   int64_t now = now_ms();
   pthread_mutex_lock(&io->mtx);
   struct socket_output *next;
   for (struct socket_output *s = io->outputs; s != NULL; s = next) {
      next = s->next;
      int order = atomic_load(&s->order);
      autoflush(s, wake_at);
      more |= clients_serve(s, now, wake_at);
      bool moved = s->moved || io->woken;
      s->moved = false;
      if (order != ORDER_NONE) {
         clients_close_all(s);
         if (order == ORDER_DETACH) {
            source_close(&s->source);
            struct socket_output **p = &io->outputs;
            while (*p != s) {
               p = &(*p)->next;
            }
            *p = s->next;
         }
         /* From here on a detached output belongs to the thread that destroys it. */
         pthread_mutex_lock(&s->mtx);
         atomic_store(&s->order, ORDER_NONE);
         pthread_cond_broadcast(&s->changed);
         pthread_mutex_unlock(&s->mtx);
      } else if (moved && atomic_load(&s->waiting)) {
         output_changed(s);
      }
   }
   io->woken = false;
   pthread_mutex_unlock(&io->mtx);
   return more;
}

static void *io_main(void *arg)
{
   struct io_thread *io = arg;
   while (!atomic_load(&io->stop)) {
      int64_t wake_at = -1;
      bool more = serve_outputs(io, &wake_at);
      int timeout = 0;
      if (!more) {
         /* Announce sleep, then look once more: senders commit first and look at the flag afterwards. */
         atomic_store(&io->sleeping, wake_at < 0 ? SLEEPING_FOREVER : SLEEPING);
         more = serve_outputs(io, &wake_at);
         int64_t left = wake_at - now_ms();
         timeout = more ? 0 : wake_at < 0 ? -1 : left < 0 ? 0 : (int) left;
         if (timeout >= 0 && atomic_load(&io->sleeping) == SLEEPING_FOREVER) {
            atomic_store(&io->sleeping, SLEEPING);
         }
      }
      (void) reactor_run(&io->reactor, timeout);
      atomic_store(&io->sleeping, AWAKE);
   }
   return NULL;
}

static void woken(struct io_source *source, uint32_t events)
{
   struct io_thread *io = (struct io_thread *) ((char *) source - offsetof(struct io_thread, wake));
   eventfd_drain(source->fd);
   io->woken = true;
}

/* \return 0 or -errno */
static int open_reactor(struct io_thread *io)
{
   int rc = reactor_open(&io->reactor);
   if (rc == 0) {
      io->wake = (struct io_source){.ready = woken, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
      rc = io->wake.fd < 0 ? -errno : source_add(&io->reactor, &io->wake, EPOLLIN);
      if (rc != 0) {
         source_close(&io->wake);
         reactor_close(&io->reactor);
      }
   }
   return rc;
}

static int start_thread(struct io_thread *io)
{
   /* Signals are for the module's own threads. */
   sigset_t all, old;
   sigfillset(&all);
   pthread_sigmask(SIG_SETMASK, &all, &old);
   int rc = -pthread_create(&io->thread, NULL, io_main, io);
   pthread_sigmask(SIG_SETMASK, &old, NULL);
   if (rc != 0) {
      source_close(&io->wake);
      reactor_close(&io->reactor);
   }
   return rc;
}

int io_start(struct trap_context *ctx)
{
   if (ctx->io != NULL) {
      return TRAP_E_OK;
   }
   struct io_thread *io = calloc(1, sizeof(*io));
   if (io == NULL) {
      return ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   pthread_mutex_init(&io->mtx, NULL);
   int rc = open_reactor(io);
   if (rc == 0) {
      rc = start_thread(io);
   }
   if (rc != 0) {
      pthread_mutex_destroy(&io->mtx);
      free(io);
      return ctx_error(ctx, TRAP_E_IO_ERROR, "Cannot start the I/O thread: %s", strerror(-rc));
   }
   ctx->io = io;
   return TRAP_E_OK;
}

void io_stop(struct trap_context *ctx)
{
   struct io_thread *io = ctx->io;
   if (io == NULL) {
      return;
   }
   atomic_store(&io->stop, true);
   eventfd_signal(io->wake.fd);
   pthread_join(io->thread, NULL);
}

void io_free(struct trap_context *ctx)
{
   struct io_thread *io = ctx->io;
   if (io == NULL) {
      return;
   }
   source_close(&io->wake);
   int rc = reactor_close(&io->reactor);
   assert(rc == 0); /* else a source was freed without being closed */
   (void) rc;
   pthread_mutex_destroy(&io->mtx);
   free(io);
   ctx->io = NULL;
}

int io_attach(struct trap_context *ctx, struct socket_output *s)
{
   struct io_thread *io = ctx->io;
   s->source.ready = clients_accept;
   int rc = source_add(&io->reactor, &s->source, EPOLLIN);
   if (rc == 0) {
      pthread_mutex_lock(&io->mtx);
      s->next = io->outputs;
      io->outputs = s;
      pthread_mutex_unlock(&io->mtx);
   }
   return rc;
}

void io_order(struct socket_output *s, enum io_order order)
{
   pthread_mutex_lock(&s->mtx);
   atomic_store(&s->order, order);
   eventfd_signal(s->out.ctx->io->wake.fd);
   while (atomic_load(&s->order) != ORDER_NONE) {
      pthread_cond_wait(&s->changed, &s->mtx);
   }
   pthread_mutex_unlock(&s->mtx);
}
