/* SPDX-License-Identifier: BSD-3-Clause */
/** Input over a UNIX socket whose sender has handed over its log: reading the log in shared memory. */
#include "in_socket.h"
#include "socket.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOKS         320 /* at the log before going to sleep */
#define LOOKS_A_YIELD 48  /* checks before sched_yield(): the sender may be waiting for this processor */
/* Largest log of another user that is mapped, since pages that a reader touches count as its memory. Larger ones are read as a stream. */
#define STRANGER_LOG_MAX (64ull << 20)

/* ------------------------------------------------------------------ attaching */

/* The page must not be able to shrink under the reader, which would end it with SIGBUS. */
static bool sealed_page(int fd)
{
   struct stat st;
   int seals = fcntl(fd, F_GET_SEALS);
   return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && fstat(fd, &st) == 0 &&
          st.st_size >= (off_t) LOG_CTL_SIZE;
}

/* A sender of the same user (or root) could do this process harm in simpler ways than by changing messages in use. */
static bool trusted_peer(int fd)
{
   struct ucred cred;
   socklen_t length = sizeof(cred);
   return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) == 0 &&
          (cred.uid == geteuid() || cred.uid == 0);
}

void local_open(struct socket_input *s, const int fds[])
{
   uint32_t undecided = READER_UNDECIDED;
   if (!sealed_page(fds[SHARE_PAGE]) || log_attach(&s->log, fds[SHARE_LOG]) != 0) {
      return;
   }
   s->trusted = trusted_peer(s->fd);
   if (!s->trusted && s->log.size > STRANGER_LOG_MAX) {
      complain(s, NO_LOG,
               "a sender of another user has a log of %llu MiB, expected at most %llu; reading its stream",
               (unsigned long long) (s->log.size >> 20), STRANGER_LOG_MAX >> 20);
      log_close(&s->log);
      return;
   }
   void *page = mmap(NULL, LOG_CTL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fds[SHARE_PAGE], 0);
   if (page == MAP_FAILED) {
      log_close(&s->log);
      return;
   }
   s->page = page;
   resume_ask(s);
   if (!atomic_compare_exchange_strong(&s->page->mode, &undecided, READER_LOCAL)) {
      local_close(s);
      s->late = true;
      return;
   }
   s->cursor = atomic_load(&s->page->cursor);
   s->next_seq = s->page->first_seq;
   s->blocks_here = s->missed_here = 0;
   s->have_seq = true;
   peer_signal(s->fd);
}

void local_close(struct socket_input *s)
{
   log_close(&s->log);
   if (s->page != NULL && s->page != s->ack_page) {
      munmap(s->page, LOG_CTL_SIZE);
   }
   s->page = NULL;
}

/* ------------------------------------------------------------------ positions */

/* Goes on at the sender's tail, the start of a block; partial data are dropped. */
static void skip_to(struct socket_input *s, uint64_t tail)
{
   s->cursor = tail;
   atomic_store_explicit(&s->page->cursor, tail, memory_order_release);
   s->start = s->fill = 0;
}

/* Whether the sender's positions are plausible: it raises tail before it commits more than a ring after tail. */
static bool plausible(const struct socket_input *s, uint64_t tail, uint64_t committed)
{
   if (committed < s->cursor || committed < tail) {
      return false;
   }
   return committed - s->cursor <= s->log.size ||
          atomic_load_explicit(&s->log.ctl->tail, memory_order_acquire) > s->cursor;
}

/* Tells the sender how far this reader is. */
static void advance(struct socket_input *s, uint64_t n)
{
   s->cursor += n;
   atomic_store(&s->page->cursor, s->cursor);
   uint64_t want = atomic_load(&s->page->want);
   if (want != 0 && s->cursor >= want) {
      atomic_store(&s->page->want, 0);
      peer_signal(s->fd);
   }
}

/* How many bytes of the log are there; 0: none, -1: the sender overtook the reader, -2: its positions make no sense. */
static int64_t available(struct socket_input *s)
{
   struct log_ctl *ctl = s->log.ctl;
   uint64_t tail =
       atomic_load_explicit(&ctl->tail, memory_order_acquire); /* first: never ahead of committed */
   uint64_t committed = atomic_load_explicit(&ctl->committed, memory_order_acquire);
   if (!plausible(s, tail, committed)) {
      complain(s, BAD_LOG, "the sender's log has impossible positions");
      return -2;
   }
   if (tail > s->cursor) {
      skip_to(s, tail);
      return -1;
   }
   uint64_t n = committed - s->cursor;
   return (int64_t) (n > s->log.size ? s->log.size : n); /* more: overtaken in this moment, seen later */
}

/* -------------------------------------------------------------------- copying */

/* How many of the bytes there to copy at once: a block, so that none is moved again for the next one's sake. What the block says
 * of its length is not to be trusted yet. */
static size_t piece(const struct socket_input *s, uint64_t there, size_t room)
{
   uint64_t n = there;
   if (s->start == s->fill && there > BLOCK_HEADER) {
      uint64_t block = BLOCK_HEADER + (uint64_t) block_payload(log_at(&s->log, s->cursor));
      n = block < there ? block : there;
   }
   return n < room ? (size_t) n : room;
}

/* Copies bytes from the log, at most room; result as of available(). */
static int64_t read_local(struct socket_input *s, uint8_t *to, size_t room)
{
   int64_t there = available(s);
   if (there <= 0) {
      return there;
   }
   uint64_t n = piece(s, (uint64_t) there, room);
   memcpy(to, log_at(&s->log, s->cursor), n);
   /* The copy is good only if the sender had not begun to overwrite it: tail is raised before it writes. */
   atomic_thread_fence(memory_order_acquire);
   uint64_t tail = atomic_load_explicit(&s->log.ctl->tail, memory_order_relaxed);
   if (tail > s->cursor) {
      skip_to(s, tail);
      return -1;
   }
   advance(s, n);
   return (int64_t) n;
}

/* Polls the log for a while. \return 1: bytes were added, 0: nothing, -1: the sender's positions are not plausible */
static int look(struct socket_input *s)
{
   bool here = local_in_place(s); /* asked once: the sender may change its mind */
   for (int i = 0; i < LOOKS; i++) {
      int64_t n = here ? available(s) : read_local(s, s->buffer + s->fill, s->capacity - s->fill);
      if (n > 0) {
         s->fill += here ? 0 : (size_t) n;
         return 1;
      }
      if (n < -1) {
         return -1;
      }
      if (n == 0 && s->hung_up) {
         return 0;
      }
      if (i % LOOKS_A_YIELD != LOOKS_A_YIELD - 1) {
         cpu_relax();
      } else {
         sched_yield();
      }
   }
   return 0;
}

int local_more(struct socket_input *s)
{
   int rc = look(s);
   if (rc != 0 || s->hung_up) {
      return rc != 0 ? rc : -1;
   }
   /* Announce sleep, then look once more: the sender looks at the flag after it has committed. */
   atomic_store(&s->page->sleeping, 1);
   if (atomic_load(&s->log.ctl->committed) == s->cursor) {
      int woken = peer_drain(s->fd);
      if (woken == 0) {
         wait_socket(s, POLLIN);
         return 0;
      }
      s->hung_up = woken < 0; /* what is in the log is still read */
      if (s->hung_up && peer_is_there(s->fd)) {
         complain(s, BROKEN, "the connection broke: %s", strerror(errno)); /* the sender goes on without it */
      }
   }
   atomic_store(&s->page->sleeping, 0);
   return 1; /* look again */
}

/* ------------------------------------------------------------------- in place */

bool local_in_place(const struct socket_input *s)
{
   return s->trusted && s->start == s->fill &&
          atomic_load_explicit(&s->log.ctl->lossless, memory_order_relaxed) != 0;
}

void local_release(struct socket_input *s)
{
   advance(s, s->held);
   s->held = 0;
   atomic_store_explicit(&s->page->holding, 0, memory_order_release);
}

/* Says that the block at cursor is in use. \return false: the sender has ended this in that moment */
static bool hold(struct socket_input *s, uint64_t size)
{
   atomic_store(&s->page->holding, 1); /* before lossless is read: the sender uses the opposite order */
   if (atomic_load(&s->log.ctl->lossless) == 0) {
      atomic_store(&s->page->holding, 0);
      return false;
   }
   s->held = size;
   return true;
}

bool local_next_block(struct socket_input *s, bool *damaged)
{
   int64_t there = available(s);
   if (there <= 0) {
      *damaged = there < -1;
      return false;
   }
   const uint8_t *p = log_at(&s->log, s->cursor);
   uint32_t payload = block_payload(p);
   /* Blocks are committed whole, and never empty. */
   if (there < (int64_t) BLOCK_HEADER || payload == 0 ||
       too_long(s, payload, (uint64_t) there - BLOCK_HEADER)) {
      complain(s, BAD_LOG, "a damaged block in the sender's log");
      *damaged = true;
      return false;
   }
   if (!hold(s, BLOCK_HEADER + (uint64_t) payload)) {
      return false;
   }
   take_block(s, p, payload, true);
   return true;
}
