/* SPDX-License-Identifier: BSD-3-Clause */
/** Readers that resume (u:NAME:resume=WORD), the reader's side: its name, and what it has acknowledged. */
#include "in_socket.h"
#include "socket.h"

#include <string.h>
#include <sys/mman.h>

void resume_ask(struct socket_input *s)
{
   if (s->to.resume == NULL) {
      return;
   }
   uint64_t instance = s->log.ctl->instance;
   if (instance == 0) {
      complain(s, NOTHING_KEPT, "the sender keeps nothing for resume=%s", s->to.resume);
      return;
   }
   bool same = s->instance == instance && s->numbered;
   memcpy(s->page->name, s->to.resume, strlen(s->to.resume) + 1);
   s->page->continue_at = same ? s->continue_at : UINT64_MAX;
   s->asked = true;
}

/* The sender has set where to continue. */
static int go_on(struct socket_input *s)
{
   if (s->instance != s->log.ctl->instance) {
      s->instance = s->log.ctl->instance;
      s->numbered = false; /* what came before is another sender's */
      s->ack_limit = s->in.seq;
   }
   if (s->ack_page != NULL) {
      munmap(s->ack_page, LOG_CTL_SIZE);
   }
   s->ack_page = s->page;
   s->cursor = atomic_load(&s->page->cursor);
   s->next_seq = s->skip_before = s->page->first_seq;
   uint64_t lost = s->page->lost;
   count_up(&s->in.missed, lost);
   s->in.seq += lost;
   s->missed_here += lost;
   s->stage = STREAM;
   return TRAP_E_OK;
}

int step_resume(struct socket_input *s)
{
   enum grant grant = atomic_load(&s->page->grant);
   if (grant == GRANT_GIVEN) {
      return go_on(s);
   }
   if (grant == GRANT_NONE && peer_drain(s->fd) >= 0 && atomic_load(&s->page->grant) == GRANT_NONE) {
      if (now_ms() < s->hello_deadline) {
         wait_socket(s, POLLIN);
         s->in.retry_at = s->hello_deadline;
         return TRAP_E_TIMEOUT;
      }
      complain(s, NOT_RESUMED, "no answer to resume=%s in time", s->to.resume);
   }
   grant = atomic_load(&s->page->grant);
   if (grant == GRANT_GIVEN) {
      return go_on(s);
   }
   if (grant == GRANT_IN_USE) {
      complain(s, NOT_RESUMED, "another reader is connected as resume=%s", s->to.resume);
   } else if (grant != GRANT_NONE) {
      complain(s, NOT_RESUMED, "the sender %s resume=%s",
               grant == GRANT_FULL ? "has too many readers' names to keep" : "refuses", s->to.resume);
   }
   disconnect(s);
   return TRAP_E_TIMEOUT;
}

const uint8_t *resume_skip(const struct socket_input *s, const uint8_t *p, const uint8_t *end, uint64_t *seq)
{
   while (*seq < s->skip_before && end - p >= 2) {
      size_t size = (size_t) p[0] << 8 | p[1];
      if (size > (size_t) (end - p) - 2) {
         break; /* damaged: detected again when messages are read */
      }
      p += 2 + size;
      (*seq)++;
   }
   return p;
}

void resume_disconnected(struct socket_input *s)
{
   if (s->page != NULL && s->page == s->ack_page && s->numbered) {
      s->continue_at = s->in.seq + s->offset;
   }
   s->asked = s->late = false;
   s->skip_before = 0;
}

int socket_ack(struct trap_input *in, uint64_t seq)
{
   struct socket_input *s = (struct socket_input *) in;
   if (s->ack_page == NULL || !s->numbered || seq <= s->ack_limit) {
      return TRAP_E_OK;
   }
   uint64_t acked = (seq < in->seq ? seq : in->seq) + s->offset;
   if (acked > atomic_load_explicit(&s->ack_page->acked, memory_order_relaxed)) {
      atomic_store(&s->ack_page->acked, acked);
   }
   return TRAP_E_OK;
}

void socket_position(const struct trap_input *in, uint64_t seq, uint64_t *instance, uint64_t *position)
{
   const struct socket_input *s = (const struct socket_input *) in;
   *instance = s->numbered ? s->instance : 0;
   *position = seq + s->offset;
}
