/* SPDX-License-Identifier: BSD-3-Clause */
/** Receiving: the loop that all kinds of inputs share. */
#include "internal.h"

#include <errno.h>
#include <string.h>

#define MESSAGES_AHEAD 8 /* whose lengths are asked for early */

/* Takes up to max messages out of the buffer. 0: the next one is damaged. Where a message begins is known only from the length
 * of the one before: lines that the sender's processor has would come one after the other, each waited for. Most messages are
 * as long as the one before, so the line of a later length can be asked for. */
static inline uint32_t take(struct trap_input *in, trap_message_t *m, uint32_t max)
{
   const uint8_t *p = in->pos, *end = in->end;
   uint64_t seq = in->seq;
   uint32_t n = 0;
   while (n < max && p < end) {
      size_t left = (size_t) (end - p);
      if (left < 2) {
         break;
      }
      uint16_t size = (uint16_t) (p[0] << 8 | p[1]);
      if (size > left - 2) {
         break;
      }
      if (left > MESSAGES_AHEAD * (2u + size)) { /* cache lines after the end are the sender's */
         __builtin_prefetch(p + MESSAGES_AHEAD * (2u + size));
      }
      m[n].data = p + 2;
      m[n].size = size;
      m[n].seq = ++seq;
      n++;
      p += 2 + size;
   }
   in->pos = p;
   in->seq = seq;
   count_up(&in->records, n);
   return n;
}

/* Old modules write into what they receive, so a lent message is copied for them. */
static inline const void *to_write(struct trap_input *in, const uint8_t *p, uint16_t size)
{
   if (!in->lent) {
      return p;
   }
   uint8_t *to = in->copies + in->copy_at;
   memcpy(to, p, size);
   in->copy_at += (size + 63u) & ~63u;
   in->copy_at = in->copy_at < COPIES_SPREAD ? in->copy_at : 0;
   if (in->pos == in->end) {
      in->ops->copied(in);
   }
   return to;
}

/* They also write before they check the size: zeros pad a message that is shorter than any record. */
static const void *to_write_padded(struct trap_input *in, const uint8_t *p, uint16_t size)
{
   uint8_t *to = in->copies + in->copy_at;
   memcpy(to, p, size);
   memset(to + size, 0, in->min_size - size);
   in->copy_at += (in->min_size + 63u) & ~63u;
   in->copy_at = in->copy_at < COPIES_SPREAD ? in->copy_at : 0;
   if (in->lent && in->pos == in->end) {
      in->ops->copied(in);
   }
   return to;
}

/* The next message of the buffer, with nothing in the way: what nearly every call of trap_recv() finds. */
static inline bool take_next(struct trap_input *in, const void **data, uint16_t *size, uint64_t *seq)
{
   const uint8_t *p = in->pos;
   size_t left = (size_t) (in->end - p);
   if (left < 2) {
      return false;
   }
   uint16_t n = (uint16_t) (p[0] << 8 | p[1]);
   if (n < in->plain_min || n > left - 2) {
      return false;
   }
   in->pos = p + 2 + n;
   *size = n;
   if (seq != NULL) {
      *seq = in->seq + 1;
   }
   in->seq++;
   count_up(&in->records, 1);
   *data = to_write(in, p + 2, n);
   return true;
}

/* One step without waiting. TIMEOUT: nothing there. */
static int step(struct trap_context *ctx, struct trap_input *in, trap_message_t *m, uint32_t max,
                uint32_t *count)
{
   for (;;) {
      if (atomic_load_explicit(&ctx->terminated, memory_order_relaxed)) {
         stdout_flush();
         return TRAP_E_TERMINATED;
      }
      if (in->pos < in->end) {
         *count = take(in, m, max);
         if (*count > 0) {
            if (in->state == FMT_CHANGED) {
               in->untold = false;
               input_set_state(in, FMT_OK);
               return TRAP_E_FORMAT_CHANGED;
            }
            return TRAP_E_OK;
         }
         in->pos = in->end;
         int rc = in->ops->damaged(in);
         if (rc != TRAP_E_OK) {
            return rc;
         }
      }
      if (in->busy_since != 0) {
         uint64_t delay = (uint64_t) (now_us_coarse() - in->busy_since);
         atomic_store_explicit(&in->delay_last, delay, memory_order_relaxed);
         count_up(&in->delay_total, delay);
         in->busy_since = 0;
      }
      int rc = in->ops->fill(in);
      if (rc != TRAP_E_OK) {
         return rc;
      }
      in->busy_since = now_us_coarse();
      stdout_flush_due(in->busy_since);
   }
}

bool inputs_wait(struct trap_context *ctx, struct trap_input *const *in, const uint8_t *active, uint32_t n,
                 int64_t deadline)
{
   struct pollfd fds[1 + 2 * MAX_CLIENTS];
   nfds_t count = 1;
   fds[0] = (struct pollfd){.fd = ctx->term_fd, .events = POLLIN};
   for (uint32_t i = 0; i < n; i++) {
      if (active != NULL && active[i] == 0) {
         continue;
      }
      for (int k = 0; k < in[i]->n_wait && count < sizeof(fds) / sizeof(fds[0]); k++) {
         fds[count++] = in[i]->wait[k];
      }
      if (in[i]->retry_at >= 0 && (deadline < 0 || in[i]->retry_at < deadline)) {
         deadline = in[i]->retry_at;
      }
   }
   int64_t left = deadline < 0 ? -1 : deadline - now_ms();
   if (deadline < 0 || left > 0) {
      stdout_flush();
   }
   int rc = poll(fds, count, deadline < 0 ? -1 : left < 0 ? 0 : left > 3600000 ? 3600000 : (int) left);
   return rc < 0 && errno == EINTR;
}

static int64_t deadline_of(int32_t timeout)
{
   return timeout == TRAP_WAIT ? -1 : now_ms() + ((int64_t) timeout + 999) / 1000;
}

/* TRAP_HALFWAIT has no meaning on an input: it is NO_WAIT. */
static int recv_messages(struct trap_context *ctx, struct trap_input *in, trap_message_t *m, uint32_t max,
                         uint32_t *count)
{
   int rc = step(ctx, in, m, max, count);
   if (rc != TRAP_E_TIMEOUT || in->timeout == TRAP_NO_WAIT || in->timeout == TRAP_HALFWAIT) {
      return rc;
   }
   int64_t deadline = deadline_of(in->timeout);
   do {
      inputs_wait(ctx, &in, NULL, 1, deadline);
      rc = step(ctx, in, m, max, count);
   } while (rc == TRAP_E_TIMEOUT && (deadline < 0 || now_ms() < deadline));
   return rc;
}

/* Checks the arguments and finds the input; NULL with *rc set. */
static struct trap_input *find(trap_ctx_t *c, uint32_t ifc, int *rc)
{
   struct trap_context *ctx = c;
   if (ctx == NULL || !ctx->initialized) {
      *rc = ctx != NULL ? ctx_error(ctx, TRAP_E_NOT_INITIALIZED, NULL) : TRAP_E_NOT_INITIALIZED;
      return NULL;
   }
   if (ifc >= ctx->n_in) {
      *rc = ctx_error(ctx, TRAP_E_NOT_SELECTED, "No input ifc to get data from...");
      return NULL;
   }
   return ctx->in[ifc];
}

TRAP_PUBLIC int trap_ctx_refuse_format(trap_ctx_t *ctx, uint32_t ifc)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_input *in = find(ctx, ifc, &rc);
   if (in == NULL) {
      return rc;
   }
   return in->ops->refuse != NULL ? in->ops->refuse(in) : TRAP_E_FORMAT_MISMATCH;
}

TRAP_PUBLIC int trap_ctx_ack(trap_ctx_t *ctx, uint32_t ifc, uint64_t seq)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_input *in = find(ctx, ifc, &rc);
   if (in == NULL) {
      return rc;
   }
   return ctx_result(ctx, in->ops->ack != NULL ? in->ops->ack(in, seq) : TRAP_E_OK);
}

TRAP_PUBLIC int trap_ctx_position(trap_ctx_t *ctx, uint32_t ifc, uint64_t seq, uint64_t *instance,
                                  uint64_t *position)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_input *in = find(ctx, ifc, &rc);
   if (in == NULL) {
      return rc;
   }
   *instance = 0;
   *position = seq;
   if (in->ops->position != NULL) {
      in->ops->position(in, seq, instance, position);
   }
   return ctx_result(ctx, TRAP_E_OK);
}

TRAP_PUBLIC int trap_ctx_recv_batch(trap_ctx_t *ctx, uint32_t ifc, trap_message_t *messages, uint32_t max,
                                    uint32_t *count)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_input *in = find(ctx, ifc, &rc);
   *count = 0;
   if (in == NULL) {
      return rc;
   }
   if (messages == NULL || max == 0) {
      return ctx_result(ctx, TRAP_E_BAD_FPARAMS);
   }
   return ctx_result(ctx, recv_messages(ctx, in, messages, max, count));
}

TRAP_PUBLIC int trap_ctx_recv_within(trap_ctx_t *ctx, uint32_t ifc, int32_t timeout, trap_message_t *messages,
                                     uint32_t max, uint32_t *count)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_input *in = find(ctx, ifc, &rc);
   *count = 0;
   if (in == NULL) {
      return rc;
   }
   if (messages == NULL || max == 0) {
      return ctx_result(ctx, TRAP_E_BAD_FPARAMS);
   }
   int64_t deadline = timeout > 0 ? deadline_of(timeout) : -1;
   do {
      rc = step(ctx, in, messages, max, count);
   } while (rc == TRAP_E_TIMEOUT && timeout != TRAP_NO_WAIT && (deadline < 0 || now_ms() < deadline) &&
            !inputs_wait(ctx, &in, NULL, 1, deadline));
   return ctx_result(ctx, rc);
}

TRAP_PUBLIC int trap_ctx_get_recv_timeout(trap_ctx_t *ctx, uint32_t ifc, int32_t *timeout)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_input *in = find(ctx, ifc, &rc);
   if (in == NULL) {
      return rc;
   }
   *timeout = in->timeout == TRAP_HALFWAIT ? TRAP_NO_WAIT : in->timeout;
   return ctx_result(ctx, TRAP_E_OK);
}

/* A receive call that has to wait, to fetch more, or something unusual about it. */
static __attribute__((noinline)) int receive_one(struct trap_context *ctx, uint32_t ifc, const void **data,
                                                 uint16_t *size, uint64_t *seq_number)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   uint32_t count = 0;
   trap_message_t m = {.data = NULL};
   struct trap_input *in = find(ctx, ifc, &rc);
   if (in == NULL) {
      return rc;
   }
   if (data == NULL || size == NULL) {
      return ctx_result(ctx, TRAP_E_BAD_FPARAMS);
   }
   rc = recv_messages(ctx, in, &m, 1, &count);
   if (rc == TRAP_E_NEGOTIATION_FAILED) {
      /* Modules written for NEMEA 2 receive this way and print a fixed sentence for this code. */
      LOG_ERROR("%s", ctx_error_message(ctx));
   }
   if (count > 0) {
      *data = m.size < in->min_size ? to_write_padded(in, m.data, m.size) : to_write(in, m.data, m.size);
      *size = m.size;
      if (seq_number != NULL) {
         *seq_number = m.seq;
      }
   }
   return ctx_result(ctx, rc);
}

TRAP_PUBLIC int trap_ctx_recv_with_seq_number(trap_ctx_t *c, uint32_t ifc, const void **data, uint16_t *size,
                                              uint64_t *seq_number)
{
   struct trap_context *ctx = c;
   if (ctx != NULL && ctx->initialized && ifc < ctx->n_in && data != NULL && size != NULL &&
       !atomic_load_explicit(&ctx->terminated, memory_order_relaxed)) {
      ctx_ok(ctx);
      if (take_next(ctx->in[ifc], data, size, seq_number)) {
         return TRAP_E_OK;
      }
   }
   return receive_one(ctx, ifc, data, size, seq_number);
}

TRAP_PUBLIC int trap_ctx_recv(trap_ctx_t *ctx, uint32_t ifc, const void **data, uint16_t *size)
{
   return trap_ctx_recv_with_seq_number(ctx, ifc, data, size, NULL);
}

static int any_timeout_done(struct trap_context *ctx, int32_t timeout, int64_t deadline)
{
   return timeout == TRAP_NO_WAIT || (deadline >= 0 && now_ms() >= deadline);
}

TRAP_PUBLIC int trap_ctx_recv_any(trap_ctx_t *c, const uint8_t *active, int32_t timeout, uint32_t *ifc,
                                  trap_message_t *messages, uint32_t max, uint32_t *count)
{
   struct trap_context *ctx = c;
   int rc = TRAP_E_NOT_SELECTED;
   *count = 0;
   if (find(ctx, 0, &rc) == NULL) {
      return rc;
   }
   int64_t deadline = timeout > 0 ? deadline_of(timeout) : -1;
   for (;;) {
      uint32_t tried = 0;
      for (uint32_t k = 0; k < ctx->n_in; k++) {
         uint32_t i = ctx->next_in;
         ctx->next_in = i + 1 < ctx->n_in ? i + 1 : 0;
         if (active != NULL && active[i] == 0) {
            continue;
         }
         tried++;
         rc = step(ctx, ctx->in[i], messages, max, count);
         if (rc != TRAP_E_TIMEOUT) {
            *ifc = i;
            return ctx_result(ctx, rc);
         }
      }
      if (tried == 0) {
         return ctx_error(ctx, TRAP_E_NOT_SELECTED, NULL);
      }
      if (any_timeout_done(ctx, timeout, deadline)) {
         return ctx_result(ctx, TRAP_E_TIMEOUT);
      }
      if (inputs_wait(ctx, ctx->in, active, ctx->n_in, deadline)) {
         return ctx_result(
             ctx, TRAP_E_TIMEOUT); /* a signal was handled: the caller may want to look at what it set */
      }
   }
}
