/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: a log in shared memory whose sender lies: about its size, its positions, its contents.
 * Input: u8 how the descriptors are made, u8 required format, u64 ring size claimed, u64 cursor; then steps of
 * u32 tail, u32 committed; what is left fills the ring.
 */
#include "../src/in_socket.c"
#include "fuzz_trap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define RING  8192u
#define STEPS 4

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

static void free_fake(struct fake *f)
{
   close(f->fds[SHARE_PAGE]);
   munmap(f->page, LOG_CTL_SIZE);
   log_close(&f->log);
}

/* One message, in memory of the input's own, whether the block is lent or copied: the module may write into it. */
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

/* A sender that has nothing more to say must leave the reader waiting or disconnected, after a ring or two. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct fuzz_bytes in = {data, size};
   struct fake f = {.log = {.fd = -1}};
   static const uint8_t hello[8] = {TRAP_FMT_RAW};
   int pair[2];
   uint32_t tail[STEPS], committed[STEPS];
   fuzz_quiet();
   unsigned lies = (unsigned) fuzz_number(&in, 1);
   unsigned required = (unsigned) fuzz_number(&in, 1);
   uint64_t claimed = fuzz_number(&in, 8);
   make_fake(&f, lies, claimed, fuzz_number(&in, 8));
   for (int i = 0; i < STEPS; i++) {
      tail[i] = (uint32_t) fuzz_number(&in, 4);
      committed[i] = (uint32_t) fuzz_number(&in, 4);
   }
   memcpy(f.log.ring, in.p, in.left < RING ? in.left : RING);
   trap_ctx_t *ctx = trap_ctx_init3("fuzz", "", 1, 0, "u:log:timeout=NO_WAIT", NULL);
   PROMISE(ctx != NULL && trap_ctx_get_last_error(ctx) == TRAP_E_OK);
   PROMISE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
   fuzz_require(ctx, required | 1);
   struct socket_input *s = (struct socket_input *) ((struct trap_context *) ctx)->in[0];
   s->fd = pair[0];
   start_hello(s);
   PROMISE(send(pair[1], hello, sizeof(hello), MSG_NOSIGNAL) == (ssize_t) sizeof(hello));
   /* As if they had come with the hello; through the socket the kernel takes 30 ms to let go of them. */
   local_open(s, f.fds);
   bool open = true;
   for (int i = 0; open && i < STEPS; i++) {
      atomic_store(&f.log.ctl->tail, tail[i]);
      atomic_store(&f.log.ctl->committed, committed[i]);
      open = take_all(ctx, s);
   }
   close(pair[1]);
   if (open) {
      PROMISE(!take_all(ctx, s));
   }
   trap_ctx_finalize(&ctx);
   free_fake(&f);
   return 0;
}
