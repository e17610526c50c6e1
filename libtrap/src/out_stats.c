/* SPDX-License-Identifier: BSD-3-Clause */
/** Statistics of the clients of a socket output, without any cost on the sender's path. */
#include "out_socket.h"

#include <sched.h>
#include <stdio.h>

static uint64_t at_most(uint64_t value, uint64_t limit)
{
   return value < limit ? value : limit;
}

/* Called under spin. A local reader's own words are kept within what can be. \return false: not now, the client is being served */
static bool describe(const struct socket_output *s, struct client *c, struct client_info *info)
{
   bool local = c->mode == READER_LOCAL;
   uint64_t tail = atomic_load_explicit(&s->log.ctl->tail, memory_order_relaxed);
   uint64_t pos, seq, sent = s->block_seq - c->first_seq;
   if (local) {
      pos = atomic_load(&c->page->cursor);
      seq = atomic_load(&c->page->next_seq);
      info->missed = atomic_load(&c->page->missed);
      info->buffers = at_most(atomic_load(&c->page->blocks), sent);
      info->backlog = 0;
   } else {
      if (pthread_mutex_trylock(&c->lock) != 0) {
         return false;
      }
      pos = atomic_load(&c->pos);
      seq = c->boundary < s->block ? block_seq(log_at(&s->log, c->boundary)) : s->block_seq;
      info->missed = atomic_load(&c->missed);
      info->buffers = atomic_load(&c->blocks);
      info->backlog = atomic_load(&c->spill_size) - atomic_load(&c->spill_sent);
      pthread_mutex_unlock(&c->lock);
   }
   uint64_t passed = seq > c->first_seq ? at_most(seq - c->first_seq, sent) : 0;
   info->id = c->id;
   info->since = c->since;
   info->transport = local ? "shared memory" : is_unix(s) ? "UNIX socket" : c->tls != NULL ? "TLS" : "TCP";
   info->missed = at_most(info->missed, passed);
   info->messages = passed - info->missed;
   info->backlog += s->block - at_most(pos < tail ? tail : pos, s->block);
   return true;
}

uint32_t output_clients(struct socket_output *s, struct client_info *list)
{
   uint32_t n, i;
   do {
      output_lock(s);
      n = s->log.ctl != NULL ? atomic_load(&s->n_clients) : 0;
      for (i = 0; i < n && describe(s, s->slot[i], &list[i]);) {
         i++;
      }
      output_unlock(s);
   } while (i < n && sched_yield() == 0);
   return n;
}

uint64_t output_sent(struct trap_output *out)
{
   struct socket_output *s = (struct socket_output *) out;
   output_lock(s);
   uint64_t n = atomic_load(&out->sent) + s->count;
   output_unlock(s);
   return n;
}

void output_dump(struct trap_output *out, FILE *file)
{
   struct socket_output *s = (struct socket_output *) out;
   fprintf(file, "Server port: %s\nServer socket descriptor: %d\nConnected clients: %u\nMax clients: %u\n",
           s->name, s->source.fd, atomic_load(&s->n_clients), s->max_clients);
   fprintf(file, "Buffer count: %u\nBuffer size: %u\nTerminated: %d\nInitialized: %d\nSocket type: %s\n",
           s->buffer_count, s->buffer_size, (int) atomic_load(&out->ctx->terminated), s->log.ctl != NULL,
           is_unix(s)       ? "UNIX"
           : s->tls != NULL ? "TLS"
                            : "TCP");
   fprintf(file, "Timeout: %d us\nClients:\n", (int) atomic_load(&out->timeout));
   struct client_info list[MAX_CLIENTS];
   uint32_t n = output_clients(s, list);
   fprintf(file, "{id, transport, sent buffers, sent messages, skipped messages, backlog bytes}\n");
   for (uint32_t i = 0; i < n; i++) {
      fprintf(file, "{%llu, %s, %llu, %llu, %llu, %llu}\n", (unsigned long long) list[i].id,
              list[i].transport, (unsigned long long) list[i].buffers, (unsigned long long) list[i].messages,
              (unsigned long long) list[i].missed, (unsigned long long) list[i].backlog);
   }
}
