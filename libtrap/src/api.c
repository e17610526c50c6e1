/* SPDX-License-Identifier: BSD-3-Clause */
/** Sending, control and formats of a context, and the simple API over the global context. */
#include "out_socket.h"

#include <stdlib.h>
#include <string.h>

TRAP_PUBLIC void *trap_glob_ctx;

static struct trap_output *find_output(struct trap_context *ctx, uint32_t ifc, int *rc)
{
   if (ctx == NULL || !ctx->initialized) {
      *rc = TRAP_E_NOT_INITIALIZED;
      return NULL;
   }
   if (ifc >= ctx->n_out) {
      *rc = ctx_error(ctx, TRAP_E_BAD_IFC_INDEX, NULL);
      return NULL;
   }
   return ctx->out[ifc];
}

/* ------------------------------------------------------------------ sending */

/* A send with something unusual about it. */
static __attribute__((noinline)) int send_checked(struct trap_context *ctx, unsigned int ifc,
                                                  const void *data, uint16_t size)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_output *out = find_output(ctx, ifc, &rc);
   if (out == NULL) {
      return rc;
   }
   if (data == NULL && size > 0) {
      return ctx_result(ctx, TRAP_E_BAD_FPARAMS);
   }
   if (atomic_load_explicit(&ctx->terminated, memory_order_relaxed)) {
      return ctx_result(ctx, TRAP_E_TERMINATED);
   }
   ctx_ok(ctx);
   return out->ops->send(out, data, size);
}

/* Whether nothing at all is unusual about a use of output ifc. */
static inline bool usual(const struct trap_context *ctx, uint32_t ifc)
{
   return ctx != NULL && ctx->initialized && ifc < ctx->n_out &&
          !atomic_load_explicit(&ctx->terminated, memory_order_relaxed);
}

TRAP_PUBLIC int trap_ctx_send(trap_ctx_t *c, unsigned int ifc, const void *data, uint16_t size)
{
   struct trap_context *ctx = c;
   if (!usual(ctx, ifc) || data == NULL) {
      return send_checked(ctx, ifc, data, size);
   }
   struct trap_output *out = ctx->out[ifc];
   ctx_ok(ctx);
   return out->ops->send(out, data, size);
}

TRAP_PUBLIC int trap_ctx_send_batch(trap_ctx_t *c, uint32_t ifc, const trap_message_t *messages,
                                    uint32_t count, uint32_t *sent)
{
   struct trap_context *ctx = c;
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_output *out = find_output(ctx, ifc, &rc);
   *sent = 0;
   if (out == NULL) {
      return rc;
   }
   if (messages == NULL && count > 0) {
      return ctx_result(ctx, TRAP_E_BAD_FPARAMS);
   }
   if (atomic_load_explicit(&ctx->terminated, memory_order_relaxed)) {
      return ctx_result(ctx, TRAP_E_TERMINATED);
   }
   ctx_ok(ctx);
   return out->ops->send_batch(out, messages, count, sent);
}

/* An output that has no place where messages can be written: they are, in a buffer, and sent from there. */
static __attribute__((noinline)) int reserve_scratch(struct trap_output *out, void **data)
{
   if (out->scratch == NULL) {
      out->scratch = malloc(UINT16_MAX);
   }
   *data = out->scratch;
   return out->scratch != NULL ? TRAP_E_OK : reserve_failed(out, TRAP_E_MEMORY);
}

/* A reservation with something unusual about it. */
static __attribute__((noinline)) int reserve_checked(struct trap_context *ctx, uint32_t ifc, void **data)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_output *out = find_output(ctx, ifc, &rc);
   if (out == NULL) {
      return rc;
   }
   if (data == NULL) {
      return ctx_result(ctx, TRAP_E_BAD_FPARAMS);
   }
   *data = NULL;
   out->reserved_size = 0;
   return ctx_result(ctx, TRAP_E_TERMINATED);
}

TRAP_PUBLIC int trap_ctx_reserve(trap_ctx_t *c, uint32_t ifc, uint16_t size, void **data)
{
   struct trap_context *ctx = c;
   if (!usual(ctx, ifc) || data == NULL) {
      return reserve_checked(ctx, ifc, data);
   }
   struct trap_output *out = ctx->out[ifc];
   ctx_ok(ctx);
   out->reserved_size = size + 1u;
   return out->is_socket ? output_reserve((struct socket_output *) out, size, data)
                         : reserve_scratch(out, data);
}

/* A commit with something unusual about it. */
static __attribute__((noinline)) int commit_checked(struct trap_context *ctx, uint32_t ifc, uint16_t size)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_output *out = find_output(ctx, ifc, &rc);
   if (out == NULL) {
      return rc;
   }
   if (size >= out->reserved_size) {
      return ctx_error(ctx, TRAP_E_BAD_FPARAMS, "A message of %u bytes was committed, expected at most %d.",
                       size, (int) out->reserved_size - 1);
   }
   out->reserved_size = 0;
   ctx_ok(ctx);
   return out->ops->send(out, out->scratch, size);
}

TRAP_PUBLIC int trap_ctx_commit(trap_ctx_t *c, uint32_t ifc, uint16_t size)
{
   struct trap_context *ctx = c;
   if (ctx == NULL || !ctx->initialized || ifc >= ctx->n_out) {
      return commit_checked(ctx, ifc, size);
   }
   struct trap_output *out = ctx->out[ifc];
   if (size >= out->reserved_size || !out->is_socket) {
      return commit_checked(ctx, ifc, size);
   }
   out->reserved_size = 0;
   ctx_ok(ctx);
   return output_commit((struct socket_output *) out, size);
}

TRAP_PUBLIC void trap_ctx_send_flush(trap_ctx_t *ctx, uint32_t ifc)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_output *out = find_output(ctx, ifc, &rc);
   if (out != NULL) {
      out->ops->flush(out);
   }
}

/* ------------------------------------------------------------------ control */

static int control_input(struct trap_input *in, int32_t request, va_list ap)
{
   if (request == TRAPCTL_SETTIMEOUT) {
      int32_t timeout = va_arg(ap, int32_t);
      if (!in->timeout_fixed) {
         in->timeout = timeout;
      }
   } else if (request != TRAPCTL_AUTOFLUSH_TIMEOUT && request != TRAPCTL_BUFFERSWITCH) {
      LOG_ERROR("Unknown type of request.");
   }
   return TRAP_E_OK;
}

static int control_output(struct trap_output *out, int32_t request, va_list ap)
{
   switch (request) {
   case TRAPCTL_SETTIMEOUT: {
      int32_t timeout = va_arg(ap, int32_t);
      if (!out->timeout_fixed) {
         atomic_store(&out->timeout, timeout);
      }
      break;
   }
   case TRAPCTL_AUTOFLUSH_TIMEOUT: {
      int64_t period = va_arg(ap, int64_t);
      if (!out->autoflush_fixed) {
         atomic_store(&out->autoflush, period);
      }
      break;
   }
   case TRAPCTL_BUFFERSWITCH: {
      int on = va_arg(ap, int);
      if (!out->buffered_fixed) {
         atomic_store(&out->buffered, on != 0);
      }
      break;
   }
   default: LOG_ERROR("Unknown type of request."); return TRAP_E_OK;
   }
   out->ops->control(out);
   return TRAP_E_OK;
}

TRAP_PUBLIC int trap_ctx_vifcctl(trap_ctx_t *c, int8_t type, uint32_t ifcidx, int32_t request, va_list ap)
{
   struct trap_context *ctx = c;
   if (ctx == NULL || !ctx->initialized) {
      return TRAP_E_NOT_INITIALIZED;
   }
   if (atomic_load(&ctx->terminated)) {
      return ctx_result(ctx, TRAP_E_TERMINATED);
   }
   if (type == TRAPIFC_INPUT && ifcidx < ctx->n_in) {
      return ctx_result(ctx, control_input(ctx->in[ifcidx], request, ap));
   }
   if (type == TRAPIFC_OUTPUT && ifcidx < ctx->n_out) {
      return ctx_result(ctx, control_output(ctx->out[ifcidx], request, ap));
   }
   return ctx_result(ctx, TRAP_E_BADPARAMS);
}

TRAP_PUBLIC int trap_ctx_ifcctl(trap_ctx_t *ctx, int8_t type, uint32_t ifcidx, int32_t request, ...)
{
   va_list ap;
   va_start(ap, request);
   int rc = trap_ctx_vifcctl(ctx, type, ifcidx, request, ap);
   va_end(ap);
   return rc;
}

TRAP_PUBLIC int trap_ctx_get_client_count(trap_ctx_t *ctx, uint32_t ifcidx)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_output *out = find_output(ctx, ifcidx, &rc);
   return out != NULL ? out->ops->clients(out) : -1;
}

/* ------------------------------------------------------------------ formats */

TRAP_PUBLIC void trap_ctx_vset_data_fmt(trap_ctx_t *c, uint32_t out_ifc_idx, uint8_t data_type, va_list ap)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_output *out = find_output(c, out_ifc_idx, &rc);
   if (out == NULL || data_type == TRAP_FMT_UNKNOWN || data_type > TRAP_FMT_JSON) {
      LOG_ERROR("Data format of output %u was not set: %s.", out_ifc_idx,
                out == NULL ? "no such output" : "unknown data type");
      return;
   }
   const char *spec = data_type == TRAP_FMT_RAW ? NULL : va_arg(ap, const char *);
   if (data_type != TRAP_FMT_RAW && spec == NULL) {
      LOG_ERROR("Data format of output %u was not set: no specifier.", out_ifc_idx);
      return;
   }
   bool same = out->format_type == data_type &&
               (spec == NULL || (out->format_spec != NULL && strcmp(out->format_spec, spec) == 0));
   char *copy = spec != NULL ? strdup(spec) : NULL;
   if (same || (spec != NULL && copy == NULL)) {
      free(copy);
      return;
   }
   rc = out->ops->change_format(out, data_type, copy);
   if (rc != TRAP_E_OK) {
      ctx_error(out->ctx, rc, NULL);
      free(copy);
      return;
   }
   free(out->format_spec);
   out->format_spec = copy;
   out->format_type = data_type;
}

TRAP_PUBLIC void trap_ctx_set_data_fmt(trap_ctx_t *ctx, uint32_t out_ifc_idx, uint8_t data_type, ...)
{
   va_list ap;
   va_start(ap, data_type);
   trap_ctx_vset_data_fmt(ctx, out_ifc_idx, data_type, ap);
   va_end(ap);
}

TRAP_PUBLIC int trap_ctx_vset_required_fmt(trap_ctx_t *c, uint32_t in_ifc_idx, uint8_t data_type, va_list ap)
{
   struct trap_context *ctx = c;
   if (ctx == NULL || !ctx->initialized) {
      return TRAP_E_NOT_INITIALIZED;
   }
   if (data_type == TRAP_FMT_UNKNOWN || (data_type > TRAP_FMT_JSON && data_type != TRAP_FMT_ANY)) {
      return ctx_result(ctx, TRAP_E_BADPARAMS);
   }
   if (in_ifc_idx >= ctx->n_in) {
      return ctx_result(ctx, TRAP_E_BAD_IFC_INDEX);
   }
   const char *spec =
       data_type == TRAP_FMT_RAW || data_type == TRAP_FMT_ANY ? NULL : va_arg(ap, const char *);
   char *copy = spec != NULL ? strdup(spec) : NULL;
   if (spec != NULL && copy == NULL) {
      return ctx_result(ctx, TRAP_E_MEMORY);
   }
   struct trap_input *in = ctx->in[in_ifc_idx];
   free(in->required_spec);
   in->required_spec = copy;
   in->required_type = data_type;
   return ctx_result(ctx, TRAP_E_OK);
}

TRAP_PUBLIC int trap_ctx_set_required_fmt(trap_ctx_t *ctx, uint32_t in_ifc_idx, uint8_t data_type, ...)
{
   va_list ap;
   va_start(ap, data_type);
   int rc = trap_ctx_vset_required_fmt(ctx, in_ifc_idx, data_type, ap);
   va_end(ap);
   return rc;
}

TRAP_PUBLIC int trap_ctx_get_data_fmt(trap_ctx_t *c, uint8_t ifc_dir, uint32_t ifc_idx, uint8_t *data_type,
                                      const char **spec)
{
   struct trap_context *ctx = c;
   if (ctx == NULL || !ctx->initialized) {
      return TRAP_E_NOT_INITIALIZED;
   }
   if (ifc_dir == TRAPIFC_OUTPUT && ifc_idx < ctx->n_out) {
      const struct trap_output *out = ctx->out[ifc_idx];
      *data_type = out->format_type;
      *spec = out->format_spec;
      return ctx_result(ctx, out->format_type != TRAP_FMT_UNKNOWN ? TRAP_E_OK : TRAP_E_NOT_INITIALIZED);
   }
   if (ifc_dir == TRAPIFC_INPUT && ifc_idx < ctx->n_in) {
      const struct trap_input *in = ctx->in[ifc_idx];
      if (in->state != FMT_OK && in->state != FMT_CHANGED) {
         return ctx_result(ctx, TRAP_E_NOT_INITIALIZED);
      }
      *data_type = in->format_type;
      *spec = in->format_spec;
      return ctx_result(ctx, TRAP_E_OK);
   }
   return ctx_result(ctx, TRAP_E_BAD_IFC_INDEX);
}

TRAP_PUBLIC int trap_ctx_get_in_ifc_state(trap_ctx_t *c, uint32_t ifc_idx)
{
   struct trap_context *ctx = c;
   if (ctx == NULL || !ctx->initialized) {
      return TRAP_E_NOT_INITIALIZED;
   }
   return ifc_idx < ctx->n_in ? (int) ctx->in[ifc_idx]->state : ctx_result(ctx, TRAP_E_BAD_IFC_INDEX);
}

TRAP_PUBLIC void trap_ctx_live_source(trap_ctx_t *c)
{
   const struct trap_context *ctx = c != NULL ? c : trap_glob_ctx;
   for (uint32_t i = 0; ctx != NULL && i < ctx->n_out; i++) {
      if (is_socket_type(ctx->out[i]->type)) {
         output_warn_unbounded((struct socket_output *) ctx->out[i]);
      }
   }
}

/* --------------------------------------------------------------- simple API */

/* Sets the globals that programs read after a call of the simple API. A success takes back this thread's own failure only, so
 * that another thread's stays readable. */
static int mirror(int rc)
{
   if (rc == TRAP_E_OK && !last_error.published) {
      return rc;
   }
   const struct trap_context *ctx = trap_glob_ctx;
   return publish_error(rc, ctx != NULL && ctx_error_code(ctx) == rc ? ctx_error_message(ctx) : NULL);
}

TRAP_PUBLIC void *trap_get_global_ctx(void)
{
   return trap_glob_ctx;
}

TRAP_PUBLIC int trap_init(trap_module_info_t *module_info, trap_ifc_spec_t ifc_spec)
{
   if (trap_glob_ctx != NULL) {
      return publish_error(TRAP_E_INITIALIZED, NULL);
   }
   trap_ctx_t *ctx = trap_ctx_init(module_info, ifc_spec);
   if (ctx == NULL) {
      return publish_error(TRAP_E_MEMORY, NULL);
   }
   int rc = trap_ctx_get_last_error(ctx);
   if (rc != TRAP_E_OK) {
      publish_error(rc, trap_ctx_get_last_error_msg(ctx));
      trap_ctx_finalize(&ctx);
      return rc;
   }
   trap_glob_ctx = ctx;
   return publish_error(TRAP_E_OK, NULL);
}

TRAP_PUBLIC int trap_terminate(void)
{
   if (trap_glob_ctx == NULL) {
      __atomic_store_n(&trap_last_error_msg, "No allocated global context.", __ATOMIC_RELEASE);
      return TRAP_E_OK;
   }
   return trap_ctx_terminate(trap_glob_ctx);
}

TRAP_PUBLIC int trap_finalize(void)
{
   return publish_error(trap_ctx_finalize(&trap_glob_ctx), NULL);
}

TRAP_PUBLIC int trap_send(uint32_t ifcidx, const void *data, uint16_t size)
{
   int rc = trap_ctx_send(trap_glob_ctx, ifcidx, data, size);
   return rc == TRAP_E_OK && !last_error.published ? rc : mirror(rc);
}

TRAP_PUBLIC int trap_send_batch(uint32_t ifcidx, const trap_message_t *messages, uint32_t count,
                                uint32_t *sent)
{
   return mirror(trap_ctx_send_batch(trap_glob_ctx, ifcidx, messages, count, sent));
}

TRAP_PUBLIC int trap_send_data(unsigned int ifcidx, const void *data, uint16_t size, int timeout)
{
   int rc = TRAP_E_NOT_INITIALIZED;
   struct trap_output *out = find_output(trap_glob_ctx, ifcidx, &rc);
   if (out == NULL) {
      return mirror(rc);
   }
   if (atomic_exchange(&out->timeout, timeout) != timeout) {
      out->ops->control(out);
   }
   return trap_send(ifcidx, data, size);
}

TRAP_PUBLIC int trap_reserve(uint32_t ifcidx, uint16_t size, void **data)
{
   return mirror(trap_ctx_reserve(trap_glob_ctx, ifcidx, size, data));
}

TRAP_PUBLIC int trap_commit(uint32_t ifcidx, uint16_t size)
{
   return mirror(trap_ctx_commit(trap_glob_ctx, ifcidx, size));
}

TRAP_PUBLIC int trap_recv_batch(uint32_t ifcidx, trap_message_t *messages, uint32_t max, uint32_t *count)
{
   return mirror(trap_ctx_recv_batch(trap_glob_ctx, ifcidx, messages, max, count));
}

TRAP_PUBLIC int trap_ack(uint32_t ifcidx, uint64_t seq)
{
   return mirror(trap_ctx_ack(trap_glob_ctx, ifcidx, seq));
}

TRAP_PUBLIC void trap_send_flush(uint32_t ifc)
{
   trap_ctx_send_flush(trap_glob_ctx, ifc);
}

TRAP_PUBLIC int trap_recv_with_seq_number(uint32_t ifcidx, const void **data, uint16_t *size,
                                          uint64_t *seq_number)
{
   int rc = trap_ctx_recv_with_seq_number(trap_glob_ctx, ifcidx, data, size, seq_number);
   return rc == TRAP_E_OK && !last_error.published ? rc : mirror(rc);
}

TRAP_PUBLIC int trap_recv(uint32_t ifcidx, const void **data, uint16_t *size)
{
   return trap_recv_with_seq_number(ifcidx, data, size, NULL);
}

TRAP_PUBLIC void trap_get_input_ifc_stats(uint32_t ifcidx, struct input_ifc_stats *stats)
{
   const struct trap_context *ctx = trap_glob_ctx;
   if (stats == NULL) {
      return;
   }
   memset(stats, 0, sizeof(*stats));
   if (ctx != NULL && ifcidx < ctx->n_in && is_socket_type(ctx->in[ifcidx]->type)) {
      stats->received_bytes = ctx->in[ifcidx]->bytes;
      stats->received_records = ctx->in[ifcidx]->records;
      stats->missed_records = ctx->in[ifcidx]->missed;
   }
}

TRAP_PUBLIC int trap_ifcctl(int8_t type, uint32_t ifcidx, int32_t request, ...)
{
   va_list ap;
   va_start(ap, request);
   int rc = trap_ctx_vifcctl(trap_glob_ctx, type, ifcidx, request, ap);
   va_end(ap);
   return mirror(rc);
}

TRAP_PUBLIC void trap_set_data_fmt(uint32_t out_ifc_idx, uint8_t data_type, ...)
{
   va_list ap;
   va_start(ap, data_type);
   trap_ctx_vset_data_fmt(trap_glob_ctx, out_ifc_idx, data_type, ap);
   va_end(ap);
}

TRAP_PUBLIC int trap_set_required_fmt(uint32_t in_ifc_idx, uint8_t data_type, ...)
{
   va_list ap;
   va_start(ap, data_type);
   int rc = trap_ctx_vset_required_fmt(trap_glob_ctx, in_ifc_idx, data_type, ap);
   va_end(ap);
   return mirror(rc);
}

TRAP_PUBLIC int trap_get_data_fmt(uint8_t ifc_dir, uint32_t ifc_idx, uint8_t *data_type, const char **spec)
{
   return mirror(trap_ctx_get_data_fmt(trap_glob_ctx, ifc_dir, ifc_idx, data_type, spec));
}

TRAP_PUBLIC int trap_get_in_ifc_state(uint32_t ifc_idx)
{
   return trap_ctx_get_in_ifc_state(trap_glob_ctx, ifc_idx);
}
