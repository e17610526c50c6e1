/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Fuzz target: an IFC_SPEC from the command line, to the inputs and outputs that it makes. Files are left out,
 * they would be opened; so are sockets that listen, of whose parameters only the parser is called.
 */
#include "../src/out_socket.h"
#include "fuzz_trap.h"

/* What is left of the parameters is what was there, without the setters. */
static void take_common(const char *params, bool output)
{
   struct trap_context ctx = {.initialized = false};
   struct common_params common;
   char *copy = strdup(params);
   int rc = spec_take_common(&ctx, copy, output, &common);
   PROMISE(rc == TRAP_E_OK || rc == TRAP_E_BADPARAMS);
   PROMISE(strlen(copy) <= strlen(params));
   PROMISE(common.has_timeout || common.timeout == 0);
   free(copy);
}

static void parse_output(struct trap_context *ctx, char type, const char *params)
{
   struct socket_output s = {.buffer_size = DEFAULT_BUFFER,
                             .buffer_count = DEFAULT_BUFFERS,
                             .max_clients = MAX_CLIENTS,
                             .out = {.type = type}};
   int rc = output_parse_params(ctx, &s, params);
   PROMISE(rc == TRAP_E_OK || rc == TRAP_E_BADPARAMS);
   PROMISE(s.buffer_size >= MIN_BUFFER && s.buffer_size <= MAX_BUFFER && s.buffer_count >= 1);
   PROMISE(s.max_clients >= 1 && s.max_clients <= MAX_CLIENTS && s.mode <= 0777);
   output_free_params(&s);
}

/* Inputs that touch nothing before the first receive call. */
static void create_input(char type, char *params)
{
   char *params_list[] = {params, NULL};
   char types[] = {type, 0};
   trap_module_info_t info = {.num_ifc_in = -1, .num_ifc_out = 0};
   trap_ifc_spec_t spec = {.types = types, .params = params_list};
   trap_ctx_t *ctx = trap_ctx_init2(&info, spec, NULL);
   PROMISE(ctx != NULL);
   if (trap_ctx_get_last_error(ctx) == TRAP_E_OK && type == TRAP_IFC_TYPE_GENERATOR) {
      const void *data = NULL;
      uint16_t size = 0;
      PROMISE(trap_ctx_recv(ctx, 0, &data, &size) == TRAP_E_OK && size >= 1 && size <= UINT8_MAX);
      fuzz_touch(data, size);
   }
   trap_ctx_finalize(&ctx);
}

static void split_items(const char *text)
{
   const char *name, *type;
   int name_len, type_len;
   for (const char *p = text; *p != 0;) {
      const char *next = trap_get_type_and_name_from_string(p, &name, &type, &name_len, &type_len);
      PROMISE(next > p && next <= text + strlen(text));
      PROMISE(type >= p && type + type_len <= next && name >= p && name + name_len <= next);
      p = next;
   }
   PROMISE(trap_ctx_cmp_data_fmt(text, text) == TRAP_E_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   struct trap_context ctx = {.sockets = {.dir = {(char *) "/nonexistent"}, .n = 1}};
   char err[256] = "";
   trap_ifc_spec_t spec;
   fuzz_quiet();
   char *text = strndup((const char *) data, size);
   bool quoted = strchr(text, '\\') != NULL; /* only a quoted comma may be part of a parameter */
   split_items(text);
   int rc = spec_parse(text, &spec, err, sizeof(err));
   PROMISE(rc == TRAP_E_OK ? spec.types != NULL : err[0] != 0 && spec.types == NULL);
   for (size_t i = 0; rc == TRAP_E_OK && spec.types[i] != 0; i++) {
      PROMISE(spec.params[i] != NULL && (quoted || strchr(spec.params[i], ',') == NULL));
      take_common(spec.params[i], false);
      take_common(spec.params[i], true);
      if (spec.types[i] == TRAP_IFC_TYPE_TCPIP || spec.types[i] == TRAP_IFC_TYPE_UNIX) {
         parse_output(&ctx, spec.types[i], spec.params[i]);
      }
      if (spec.types[i] != TRAP_IFC_TYPE_FILE) {
         create_input(spec.types[i], spec.params[i]);
      }
   }
   if (rc == TRAP_E_OK) {
      trap_free_ifc_spec(spec);
   }
   free(text);
   return 0;
}
