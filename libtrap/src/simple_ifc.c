/* SPDX-License-Identifier: BSD-3-Clause */
/** The generator (g), an input that repeats one message, and the black hole (b), an output that drops all. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

struct generator {
   struct trap_input in;
   uint8_t text[2 + UINT8_MAX];
   uint8_t message[2 + UINT8_MAX]; /* a copy, which modules may change */
};

static int generator_fill(struct trap_input *in)
{
   struct generator *g = (struct generator *) in;
   count_up(&in->buffers, 1);
   memcpy(g->message, g->text, sizeof(g->message));
   in->pos = g->message;
   in->end = g->message + 2 + g->message[1];
   return TRAP_E_OK;
}

static int generator_damaged(struct trap_input *in)
{
   return TRAP_E_OK;
}

static void generator_destroy(struct trap_input *in)
{
   free(in);
}

static const struct input_ops generator_ops = {
    .fill = generator_fill,
    .damaged = generator_damaged,
    .destroy = generator_destroy,
};

/* "N:string", N = length of the string, 1..255 */
int input_generator_create(struct trap_context *ctx, const char *params, struct trap_input **in)
{
   char *end;
   long length = strtol(params, &end, 10);
   if (end == params || *end != ':') {
      return ctx_error(ctx, TRAP_E_MEMORY, "GENERATOR IFC: expected 'length:string', got '%s'.", params);
   }
   struct generator *g = calloc(1, sizeof(*g));
   char *text = g != NULL ? strdup(end + 1) : NULL;
   if (text == NULL) {
      free(g);
      return ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   if (length < 1 || length > UINT8_MAX || strlen(spec_unquote(text)) != (size_t) length) {
      ctx_error(ctx, TRAP_E_BADPARAMS, "GENERATOR IFC: '%s' is not %ld bytes (1..255) long.", text, length);
      free(text);
      free(g);
      return TRAP_E_BADPARAMS;
   }
   g->text[1] = (uint8_t) length;
   memcpy(g->text + 2, text, (size_t) length);
   free(text);
   g->in.ops = &generator_ops;
   g->in.seq = UINT64_MAX; /* numbers from 0 */
   g->in.id = "none";
   atomic_store(&g->in.connected, true);
   g->in.retry_at = -1;
   *in = &g->in;
   return TRAP_E_OK;
}

static int drop(struct trap_output *out, const void *data, uint16_t size)
{
   return output_result(out, TRAP_E_OK);
}

static int drop_batch(struct trap_output *out, const trap_message_t *messages, uint32_t count, uint32_t *sent)
{
   count_up(&out->sent, count);
   *sent = count;
   return TRAP_E_OK;
}

static void nothing(struct trap_output *out)
{
}

static int any_format(struct trap_output *out, uint8_t type, const char *spec)
{
   return TRAP_E_OK;
}

static int one_client(struct trap_output *out)
{
   return 1;
}

static void blackhole_destroy(struct trap_output *out)
{
   free(out);
}

static const struct output_ops blackhole_ops = {
    .send = drop,
    .send_batch = drop_batch,
    .flush = nothing,
    .change_format = any_format,
    .clients = one_client,
    .control = nothing,
    .destroy = blackhole_destroy,
};

int output_blackhole_create(struct trap_context *ctx, struct trap_output **out)
{
   *out = calloc(1, sizeof(**out));
   if (*out == NULL) {
      return ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   (*out)->ops = &blackhole_ops;
   (*out)->ctx = ctx;
   (*out)->type = TRAP_IFC_TYPE_BLACKHOLE;
   (*out)->id = "none";
   return TRAP_E_OK;
}
