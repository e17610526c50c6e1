/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Readers that resume (u:NAME:resume=WORD), the sender's side. A reader's name outlives its connections, with the number of the first
 * message that it has not acknowledged; the log keeps what it can for it. Runs in the I/O thread; what names hold is its own.
 */
#include "out_socket.h"

#include <ctype.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define GONE_MS \
   60000 /* a name whose reader has been away for so long is replaced by another one when there are too many */

/* What a reader says of its name is copied once, then checked. \return false: no name */
static bool read_name(const struct reader_ctl *page, char name[RESUME_NAME])
{
   memcpy(name, page->name, RESUME_NAME);
   name[RESUME_NAME - 1] = 0;
   for (const char *p = name; *p != 0; p++) {
      if (!isalnum((unsigned char) *p) && strchr("_-.", *p) == NULL) {
         return false;
      }
   }
   return name[0] != 0;
}

/* A place for one more name of a user, who may have half of them; if need be that of the reader away for longest. */
static struct reader_name *free_place(struct socket_output *s, uid_t uid)
{
   struct reader_name *oldest = NULL;
   uint32_t n = atomic_load(&s->n_names), own = 0;
   int64_t now = now_ms();
   for (uint32_t i = 0; i < n; i++) {
      own += s->names[i].uid == uid;
   }
   bool full = n == MAX_NAMES || own >= MAX_NAMES / 2;
   if (!full) {
      atomic_store(&s->n_names, n + 1);
      return &s->names[n];
   }
   for (uint32_t i = 0; i < n; i++) {
      struct reader_name *r = &s->names[i];
      bool may = r->client == NULL && now - r->left_at >= GONE_MS && (n == MAX_NAMES || r->uid == uid);
      if (may && (oldest == NULL || r->left_at < oldest->left_at)) {
         oldest = r;
      }
   }
   if (oldest != NULL) {
      LOG_WARNING("Output %s: reader '%s' has been disconnected for %lld s and is replaced by another one.",
                  s->out.id, oldest->name, (long long) (now - oldest->left_at) / 1000);
      if (oldest->page != NULL) {
         munmap(oldest->page, LOG_CTL_SIZE);
      }
   }
   return oldest;
}

static struct reader_name *refuse(struct client *c, enum grant why)
{
   atomic_store(&c->page->grant, why);
   c->gone = true;
   return NULL;
}

struct reader_name *resume_claim(struct socket_output *s, struct client *c)
{
   char name[RESUME_NAME];
   struct ucred cred = {.uid = (uid_t) -1};
   socklen_t length = sizeof(cred);
   if (c->page->name[0] == 0) {
      return NULL;
   }
   if (!read_name(c->page, name) || getsockopt(c->source.fd, SOL_SOCKET, SO_PEERCRED, &cred, &length) != 0) {
      return refuse(c, GRANT_REFUSED);
   }
   for (uint32_t i = 0; i < atomic_load(&s->n_names); i++) {
      struct reader_name *r = &s->names[i];
      if (r->uid == cred.uid && strcmp(r->name, name) == 0) {
         return r->client == NULL ? r : refuse(c, GRANT_IN_USE);
      }
   }
   struct reader_name *r = free_place(s, cred.uid);
   if (r == NULL) {
      return refuse(c, GRANT_FULL);
   }
   *r = (struct reader_name){.uid = cred.uid, .acked = c->first_seq};
   memcpy(r->name, name, sizeof(name));
   return r;
}

static uint64_t within(uint64_t seq, uint64_t low, uint64_t high)
{
   return seq < low ? low : seq > high ? high : seq;
}

/* Position of the first block in the log that has message number seq or a later one; *first: its first number. */
static uint64_t find_block(const struct socket_output *s, uint64_t seq, uint64_t *first)
{
   uint64_t pos = atomic_load_explicit(&s->log.ctl->tail, memory_order_relaxed);
   while (pos < s->block) {
      const uint8_t *block = log_at(&s->log, pos);
      *first = block_seq(block);
      if (*first + block_count(block) > seq) {
         return pos;
      }
      pos += BLOCK_HEADER + (uint64_t) block_payload(block);
   }
   *first = s->block_seq;
   return pos;
}

void resume_start(struct socket_output *s, struct client *c, struct reader_name *r)
{
   struct reader_ctl *page = c->page;
   uint64_t first, next = s->block_seq; /* what is not committed, no reader has seen */
   /* Read once: the reader may change it between a check and its use. */
   uint64_t from = __atomic_load_n(&page->continue_at, __ATOMIC_RELAXED);
   if (r->page != NULL) { /* it may have read on in an older log */
      r->acked = within(atomic_load(&r->page->acked), r->acked, next);
      munmap(r->page, LOG_CTL_SIZE);
   }
   r->page = page;
   r->client = c;
   c->name = r;
   from = within(from == UINT64_MAX ? r->acked : from, r->acked, next);
   uint64_t pos = find_block(s, from, &first);
   uint64_t lost = first > from ? first - from : 0;
   c->missed += lost;
   c->first_seq = from + lost;
   page->lost = lost;
   page->first_seq = from + lost;
   atomic_store(&page->acked, r->acked);
   atomic_store(&page->cursor, pos);
   atomic_store(&page->grant, GRANT_GIVEN);
}

void resume_leave(struct client *c)
{
   if (c->name != NULL && c->name->client == c) {
      c->name->client = NULL;
      c->name->left_at = now_ms();
      c->page = NULL; /* the name keeps it: a reader may still acknowledge what it reads in an old log */
   }
}

void resume_free(struct socket_output *s)
{
   for (uint32_t i = 0; i < atomic_load(&s->n_names); i++) {
      if (s->names[i].page != NULL) {
         munmap(s->names[i].page, LOG_CTL_SIZE);
      }
   }
   atomic_store(&s->n_names, 0);
}
