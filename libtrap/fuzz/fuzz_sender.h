/* SPDX-License-Identifier: BSD-3-Clause */
/** For fuzz targets: a sender whose log and page in shared memory are invalid, and receiving all that a reader takes from it. */
#ifndef FUZZ_SENDER_H
#define FUZZ_SENDER_H

#include "../src/in_socket.c"
#include "fuzz_trap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define RING 8192u

enum lie {
   UNSEALED = 1,
   SHORT_PAGE = 2,
   WRONG_MAGIC = 4,
   UNSEALED_PAGE = 8,
   LOSSLESS = 16,
   CLAIMED_SIZE = 32
};

struct fake {
   struct trap_log log;
   int fds[SHARE_FDS];
   int page_fd;
   struct reader_ctl *page;
};

static void make_fake(struct fake *f, unsigned lies, uint64_t claimed, uint64_t cursor)
{
   if ((lies & UNSEALED) == 0) {
      PROMISE(log_create(&f->log, RING) == 0);
   } else {
      f->log.fd = memfd_create("fuzz", MFD_CLOEXEC);
      PROMISE(ftruncate(f->log.fd, LOG_CTL_SIZE + RING) == 0);
      f->log.size = RING;
      void *area = mmap(NULL, LOG_CTL_SIZE + 2 * RING, PROT_READ | PROT_WRITE, MAP_SHARED, f->log.fd, 0);
      PROMISE(area != MAP_FAILED);
      f->log.ctl = area;
      f->log.ring = (uint8_t *) area + LOG_CTL_SIZE;
      f->log.ctl->magic = LOG_MAGIC;
      f->log.ctl->ring_size = RING;
   }
   atomic_store(&f->log.ctl->lossless, (lies & LOSSLESS) != 0); /* read in place, if it is the truth or not */
   f->log.ctl->magic ^= (lies & WRONG_MAGIC) != 0;
   if ((lies & CLAIMED_SIZE) != 0) {
      f->log.ctl->ring_size = claimed;
   }
   int page_fd = memfd_create("fuzz-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
   PROMISE(page_fd >= 0 && ftruncate(page_fd, LOG_CTL_SIZE) == 0);
   f->page = mmap(NULL, LOG_CTL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, page_fd, 0);
   PROMISE(f->page != MAP_FAILED);
   atomic_store(&f->page->cursor, cursor);
   if ((lies & SHORT_PAGE) != 0) {
      PROMISE(ftruncate(page_fd, 0) == 0);
   }
   if ((lies & UNSEALED_PAGE) == 0) {
      PROMISE(fcntl(page_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
   }
   f->fds[SHARE_LOG] = f->log.fd;
   f->fds[SHARE_PAGE] = f->page_fd = page_fd;
}

/* Connects the input to the sender. \return the sender's end of the socket */
static int connect_fake(const struct fake *f, struct socket_input *s)
{
   static const uint8_t hello[8] = {TRAP_FMT_RAW};
   int pair[2];
   PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
   s->fd = pair[0];
   start_hello(s);
   PROMISE(send(pair[1], hello, sizeof(hello), MSG_NOSIGNAL) == (ssize_t) sizeof(hello));
   /* As if they had come with the hello; through the socket the kernel takes 30 ms to let go of them. */
   local_open(s, f->fds);
   return pair[1];
}

static void free_fake(struct fake *f)
{
   close(f->fds[SHARE_PAGE]);
   munmap(f->page, LOG_CTL_SIZE);
   log_close(&f->log);
}

/* Receives one message, which must be in the input's own memory, since the module may write into it. */
static uint32_t take_one(trap_ctx_t *ctx, const struct socket_input *s, int *rc)
{
   const void *data = NULL;
   uint16_t size = 0;
   *rc = trap_ctx_recv(ctx, 0, &data, &size);
   if (*rc != TRAP_E_OK && *rc != TRAP_E_FORMAT_CHANGED) {
      return 0;
   }
   const uint8_t *p = data;
   PROMISE((p >= s->in.copies && p + size <= s->in.copies + COPIES_SIZE) ||
           (p >= s->buffer && p + size <= s->buffer + s->capacity));
   fuzz_touch(p, size);
   memset((void *) p, 0xff, size);
   return 1;
}

/* A batch, in place. */
static uint32_t take_batch(trap_ctx_t *ctx, const struct socket_input *s, int *rc)
{
   trap_message_t m[64];
   uint32_t count = 0;
   *rc = trap_ctx_recv_batch(ctx, 0, m, 64, &count);
   for (uint32_t i = 0; i < count; i++) {
      const uint8_t *p = m[i].data;
      const uint8_t *from = s->held > 0 ? log_at(&s->log, s->cursor) : s->buffer;
      PROMISE(p >= from + BLOCK_HEADER + 2 && p + m[i].size <= from + (s->held > 0 ? s->held : s->start));
      fuzz_touch(p, m[i].size);
   }
   return count;
}

/* Receives until there is nothing more, which must be after a ring or two. \return false if the reader has disconnected */
static bool take_all(trap_ctx_t *ctx, struct socket_input *s)
{
   int rc = TRAP_E_OK;
   for (uint32_t calls = 0;; calls++) {
      PROMISE(calls <= 4 * RING);
      if ((calls % 3 == 2 ? take_one : take_batch)(ctx, s, &rc) == 0 && !fuzz_again(&s->in)) {
         return rc == TRAP_E_TIMEOUT && s->fd >= 0;
      }
   }
}

#endif
