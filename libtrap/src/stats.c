/* SPDX-License-Identifier: BSD-3-Clause */
/** The counters of a context as JSON: what the service interface answers. Keys are those of NEMEA 2, and more. */
#include "out_socket.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void set_int(json_t *o, const char *key, uint64_t value)
{
   json_object_set_new(o, key, json_integer((json_int_t) value));
}

static void set_text(json_t *o, const char *key, const char *text)
{
   json_t *s = json_string(text);
   json_object_set_new(o, key, s != NULL ? s : json_string("?")); /* a file name need not be UTF-8 */
}

/* 64-bit counters as decimal text, which consumers expect here. */
static void set_count(json_t *o, const char *key, uint64_t value)
{
   char text[24];
   snprintf(text, sizeof(text), "%llu", (unsigned long long) value);
   set_text(o, key, text);
}

static void set_counts(json_t *o, uint64_t buffers, uint64_t messages, uint64_t missed)
{
   uint64_t all = messages + missed;
   set_count(o, "sent_containers", buffers);
   set_count(o, "sent_messages", messages);
   set_count(o, "skipped_messages", missed);
   json_object_set_new(o, "skipped_percentage",
                       json_real(all > 0 ? 100.0 * (double) missed / (double) all : 0.0));
}

static json_t *input_stats(struct trap_input *in)
{
   json_t *o = json_object();
   set_int(o, "ifc_state", atomic_load(&in->connected));
   set_text(o, "ifc_id", atomic_load(&in->id));
   set_int(o, "ifc_type", (uint64_t) in->type);
   set_int(o, "messages", atomic_load(&in->records));
   set_int(o, "buffers", atomic_load(&in->buffers));
   set_int(o, "delay_last", atomic_load(&in->delay_last));
   set_int(o, "delay_total", atomic_load(&in->delay_total) / 1000000);
   set_int(o, "bytes", atomic_load(&in->bytes));
   set_int(o, "missed_messages", atomic_load(&in->missed));
   return o;
}

/* The first element of each list of clients: what the inputs of the module got. */
static json_t *totals(const struct trap_context *ctx)
{
   uint64_t buffers = 0, messages = 0, missed = 0;
   for (uint32_t i = 0; i < ctx->n_in; i++) {
      struct trap_input *in = ctx->in[i];
      if (is_socket_type(in->type)) {
         buffers += atomic_load(&in->buffers);
         messages += atomic_load(&in->records);
         missed += atomic_load(&in->missed);
      }
   }
   json_t *o = json_object();
   set_text(o, "id", "extended_input_interface_info");
   set_counts(o, buffers, messages, missed);
   return o;
}

static json_t *client_stats(struct trap_output *out)
{
   struct client_info list[MAX_CLIENTS];
   json_t *a = json_array();
   if (!is_socket_type(out->type)) {
      return a;
   }
   json_array_append_new(a, totals(out->ctx));
   uint32_t n = output_clients((struct socket_output *) out, list);
   for (uint32_t i = 0; i < n; i++) {
      json_t *o = json_object();
      set_int(o, "id", list[i].id);
      set_counts(o, list[i].buffers, list[i].messages, list[i].missed);
      set_int(o, "backlog_bytes", list[i].backlog);
      set_int(o, "connected_since", (uint64_t) list[i].since);
      set_text(o, "transport", list[i].transport);
      json_array_append_new(a, o);
   }
   return a;
}

static json_t *output_stats(struct trap_output *out)
{
   json_t *o = json_object();
   set_int(o, "num_clients", (uint64_t) out->ops->clients(out));
   if (out->id_lock != NULL) {
      pthread_mutex_lock(out->id_lock);
   }
   set_text(o, "ifc_id", out->id);
   if (out->id_lock != NULL) {
      pthread_mutex_unlock(out->id_lock);
   }
   set_int(o, "ifc_type", (uint64_t) out->type);
   set_int(o, "sent-messages", out->ops->sent != NULL ? out->ops->sent(out) : atomic_load(&out->sent));
   set_int(o, "dropped-messages", atomic_load(&out->dropped));
   set_int(o, "buffers",
           is_socket_type(out->type) ? atomic_load(&((struct socket_output *) out)->blocks)
                                     : atomic_load(&out->buffers));
   set_int(o, "autoflushes", atomic_load(&out->autoflushes));
   set_int(o, "refused_clients",
           is_socket_type(out->type) ? atomic_load(&((struct socket_output *) out)->refused) : 0);
   set_int(o, "queue_bytes", is_socket_type(out->type) ? ((struct socket_output *) out)->log.size : 0);
   json_object_set_new(o, "client_stats_arr", client_stats(out));
   return o;
}

static pthread_mutex_t info_lock =
    PTHREAD_MUTEX_INITIALIZER; /* between the module's thread and the I/O thread */

TRAP_PUBLIC int trap_ctx_set_service_info(trap_ctx_t *c, const char *json)
{
   struct trap_context *ctx = c;
   char *text = json != NULL ? strdup(json) : NULL;
   if (ctx == NULL || (json != NULL && text == NULL)) {
      free(text);
      return ctx == NULL ? TRAP_E_NOT_INITIALIZED : TRAP_E_MEMORY;
   }
   pthread_mutex_lock(&info_lock);
   char *old = ctx->service_info;
   ctx->service_info = text;
   pthread_mutex_unlock(&info_lock);
   free(old);
   return TRAP_E_OK;
}

/* What the module says of itself; NULL when it says nothing, or nothing that is a JSON object. */
static json_t *module_info(const struct trap_context *ctx)
{
   pthread_mutex_lock(&info_lock);
   json_t *o = ctx->service_info != NULL ? json_loads(ctx->service_info, 0, NULL) : NULL;
   pthread_mutex_unlock(&info_lock);
   if (!json_is_object(o)) {
      json_decref(o);
      return NULL;
   }
   return o;
}

char *stats_json(struct trap_context *ctx)
{
   json_t *o = json_object(), *in = json_array(), *out = json_array();
   set_int(o, "in_cnt", ctx->n_in);
   set_int(o, "out_cnt", ctx->n_out);
   for (uint32_t i = 0; i < ctx->n_in; i++) {
      json_array_append_new(in, input_stats(ctx->in[i]));
   }
   for (uint32_t i = 0; i < ctx->n_out; i++) {
      json_array_append_new(out, output_stats(ctx->out[i]));
   }
   json_object_set_new(o, "in", in);
   json_object_set_new(o, "out", out);
   json_t *module = module_info(ctx);
   if (module != NULL) {
      json_object_set_new(o, "module", module);
   }
   char *text = json_dumps(o, 0);
   json_decref(o);
   return text;
}
