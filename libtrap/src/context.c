/* SPDX-License-Identifier: BSD-3-Clause */
/** Life of a context: its interfaces are made from an IFC_SPEC and delivered to the end. */
#include "out_socket.h"
#include "socket.h"

#include <errno.h>
#include <nemea-common/nc_text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#ifndef DEFAULTSOCKETDIR
#define DEFAULTSOCKETDIR "/tmp"
#endif

TRAP_PUBLIC const char trap_version[] = TRAP_LIB_VERSION;
TRAP_PUBLIC const char trap_git_version[] = TRAP_BUILD;
static char default_format[] = DEFAULTSOCKETDIR "/trap-%s.sock";
TRAP_PUBLIC char *trap_default_socket_path_format = default_format;

/* Programs print names of sockets with this format: it follows the directory, in which percent signs are doubled. */
static void publish_socket_format(const char *dir)
{
   char format[2 * SOCKET_PATH_SIZE + sizeof("/trap-%s.sock")];
   size_t n = 0;
   for (const char *p = dir; *p != 0 && n < 2 * SOCKET_PATH_SIZE - 1; p++) {
      if (*p == '%') {
         format[n++] = '%';
      }
      format[n++] = *p;
   }
   snprintf(format + n, sizeof(format) - n, "/trap-%%s.sock");
   const char *published = keep_text(format); /* never freed: other threads may still read it */
   if (published != NULL) {
      __atomic_store_n(&trap_default_socket_path_format, (char *) published, __ATOMIC_RELEASE);
   }
}

static int find_socket_dirs(struct trap_context *ctx)
{
   char why[SOCKET_REASON_SIZE];
   int rc = socket_dirs_init(&ctx->sockets, DEFAULTSOCKETDIR, why);
   if (rc != 0) {
      return ctx_error(ctx, rc == -ENOMEM ? TRAP_E_MEMORY : TRAP_E_BADPARAMS, "%s.", why);
   }
   publish_socket_format(ctx->sockets.dir[ctx->sockets.bind]);
   return TRAP_E_OK;
}

/* -1 is "whatever remains"; the real numbers are written back. */
static int count_ifcs(struct trap_context *ctx, trap_module_info_t *info, size_t letters)
{
   if (info->num_ifc_in == -1 && info->num_ifc_out == -1) {
      return ctx_error(ctx, TRAP_E_BADPARAMS, "Only one of the numbers of interfaces may be variable.");
   }
   int in = info->num_ifc_in != -1 ? info->num_ifc_in : (int) letters - info->num_ifc_out;
   int out = info->num_ifc_out != -1 ? info->num_ifc_out : (int) letters - info->num_ifc_in;
   if (in < 0 || out < 0 || (size_t) in + (size_t) out != letters) {
      char want_in[16] = "any number of", want_out[16] = "any number of";
      if (info->num_ifc_in >= 0) {
         snprintf(want_in, sizeof(want_in), "%d", info->num_ifc_in);
      }
      if (info->num_ifc_out >= 0) {
         snprintf(want_out, sizeof(want_out), "%d", info->num_ifc_out);
      }
      return ctx_error(ctx, TRAP_E_BADPARAMS,
                       "-i has %zu interface%s, expected %s input%s and then %s output%s.", letters,
                       letters == 1 ? "" : "s", want_in, info->num_ifc_in == 1 ? "" : "s", want_out,
                       info->num_ifc_out == 1 ? "" : "s");
   }
   info->num_ifc_in = in;
   info->num_ifc_out = out;
   ctx->in = calloc((size_t) in + 1, sizeof(struct trap_input *));
   ctx->out = calloc((size_t) out + 1, sizeof(struct trap_output *));
   return ctx->in != NULL && ctx->out != NULL ? TRAP_E_OK : ctx_error(ctx, TRAP_E_MEMORY, NULL);
}

static int unknown_type(struct trap_context *ctx, const char *direction, char type)
{
   return ctx_error(ctx, TRAP_E_BADPARAMS, "Interface type '%c' cannot be an %s.", type, direction);
}

static int create_input(struct trap_context *ctx, char type, char *params)
{
   struct common_params common;
   struct trap_input *in = NULL;
   int rc = spec_take_common(ctx, params, false, &common);
   if (rc != TRAP_E_OK) {
      return rc;
   }
   switch (type) {
   case TRAP_IFC_TYPE_TCPIP:
   case TRAP_IFC_TYPE_TLS:
   case TRAP_IFC_TYPE_UNIX: rc = input_socket_create(ctx, type, params, &in); break;
   case TRAP_IFC_TYPE_FILE: rc = input_file_create(ctx, params, &in); break;
   case TRAP_IFC_TYPE_GENERATOR: rc = input_generator_create(ctx, params, &in); break;
   default: return unknown_type(ctx, "input", type);
   }
   if (rc != TRAP_E_OK) {
      return rc;
   }
   in->ctx = ctx;
   in->type = type;
   in->min_size = 1;
   input_set_state(in, FMT_WAITING);
   ctx->in[ctx->n_in++] = in;
   in->copies = malloc(COPIES_SIZE);
   if (in->copies == NULL) {
      return ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   in->timeout = common.has_timeout ? common.timeout : TRAP_WAIT;
   in->timeout_fixed = common.has_timeout;
   return TRAP_E_OK;
}

static int create_output(struct trap_context *ctx, char type, char *params)
{
   struct common_params common;
   struct trap_output *out = NULL;
   int rc = spec_take_common(ctx, params, true, &common);
   if (rc != TRAP_E_OK) {
      return rc;
   }
   switch (type) {
   case TRAP_IFC_TYPE_TCPIP:
   case TRAP_IFC_TYPE_TLS:
   case TRAP_IFC_TYPE_UNIX: rc = output_socket_create(ctx, type, params, &out); break;
   case TRAP_IFC_TYPE_FILE: rc = output_file_create(ctx, params, &out); break;
   case TRAP_IFC_TYPE_BLACKHOLE: rc = output_blackhole_create(ctx, &out); break;
   default: return unknown_type(ctx, "output", type);
   }
   if (rc != TRAP_E_OK) {
      return rc;
   }
   out->idx = ctx->n_out;
   atomic_store(&out->timeout, common.has_timeout ? common.timeout : TRAP_WAIT);
   atomic_store(&out->buffered, common.has_buffer ? common.buffer : true);
   atomic_store(&out->autoflush, common.has_autoflush ? common.autoflush : DEFAULT_AUTOFLUSH);
   out->timeout_fixed = common.has_timeout;
   out->buffered_fixed = common.has_buffer;
   out->autoflush_fixed = common.has_autoflush;
   ctx->out[ctx->n_out++] = out;
   return TRAP_E_OK;
}

static int init_context(struct trap_context *ctx, trap_module_info_t *info, const trap_ifc_spec_t *spec,
                        const char *service)
{
   size_t letters = strlen(spec->types);
   int rc = find_socket_dirs(ctx);
   if (rc == TRAP_E_OK) {
      rc = count_ifcs(ctx, info, letters);
   }
   ctx->term_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
   if (rc == TRAP_E_OK && ctx->term_fd < 0) {
      rc = ctx_error(ctx, TRAP_E_IO_ERROR, "Cannot make an event descriptor.");
   }
   for (size_t i = 0; rc == TRAP_E_OK && i < letters; i++) {
      char *params = strdup(spec->params[i]);
      if (params == NULL) {
         return ctx_error(ctx, TRAP_E_MEMORY, NULL);
      }
      rc = i < (size_t) info->num_ifc_in ? create_input(ctx, spec->types[i], params)
                                         : create_output(ctx, spec->types[i], params);
      free(params);
   }
   if (rc == TRAP_E_OK && service != NULL) {
      service_start(ctx, service);
   }
   return rc;
}

static void free_context(struct trap_context *ctx)
{
   service_stop(ctx);
   for (uint32_t i = 0; i < ctx->n_out; i++) {
      free(ctx->out[i]->format_spec);
      free(ctx->out[i]->scratch);
      ctx->out[i]->ops->destroy(ctx->out[i]);
   }
   io_stop(ctx);
   service_free(ctx);
   io_free(ctx);
   for (uint32_t i = 0; i < ctx->n_in; i++) {
      free(ctx->in[i]->format_spec);
      free(ctx->in[i]->required_spec);
      free(ctx->in[i]->copies);
      ctx->in[i]->ops->destroy(ctx->in[i]);
   }
   if (ctx->term_fd >= 0) {
      close(ctx->term_fd);
   }
   free(ctx->in);
   free(ctx->out);
   socket_dirs_free(&ctx->sockets);
   free(ctx->service_info);
   ctx->service_info = NULL;
   ctx->in = NULL;
   ctx->out = NULL;
   ctx->n_in = ctx->n_out = 0;
   ctx->term_fd = -1;
}

TRAP_PUBLIC trap_ctx_t *trap_ctx_init2(trap_module_info_t *module_info, trap_ifc_spec_t ifc_spec,
                                       const char *service_ifcname)
{
   if (module_info == NULL || ifc_spec.types == NULL || ifc_spec.params == NULL ||
       (module_info->num_ifc_in == -1 && module_info->num_ifc_out == -1)) {
      return NULL;
   }
   static _Atomic uint64_t serials;
   struct trap_context *ctx = calloc(1, sizeof(*ctx));
   if (ctx == NULL) {
      return NULL;
   }
   ctx->term_fd = -1;
   ctx->serial = atomic_fetch_add(&serials, 1) + 1;
   int rc = init_context(ctx, module_info, &ifc_spec, service_ifcname);
   if (rc == TRAP_E_OK) {
      ctx->initialized = true;
      ctx_ok(ctx);
   } else {
      ctx->init_error = rc;
      ctx->init_message = ctx_error_message(ctx);
      free_context(ctx);
   }
   return ctx;
}

TRAP_PUBLIC trap_ctx_t *trap_ctx_init(trap_module_info_t *module_info, trap_ifc_spec_t ifc_spec)
{
   char name[64];
   snprintf(name, sizeof(name), SERVICE_DEFAULT "%ld", (long) getpid());
   return trap_ctx_init2(module_info, ifc_spec, name);
}

TRAP_PUBLIC trap_ctx_t *trap_ctx_init3(const char *name, const char *description, int8_t i_ifcs,
                                       int8_t o_ifcs, const char *ifc_spec, const char *service_ifcname)
{
   char message[256] = "no IFC_SPEC";
   trap_ifc_spec_t spec;
   trap_module_info_t info = {.name = (char *) (name != NULL ? name : "nemea-module"),
                              .description = (char *) (description != NULL ? description : ""),
                              .num_ifc_in = i_ifcs,
                              .num_ifc_out = o_ifcs};
   if (ifc_spec == NULL || spec_parse(ifc_spec, &spec, message, sizeof(message)) != TRAP_E_OK) {
      nc_text_line(stderr, "ERROR in parsing of parameters for TRAP: ", "%s", message);
      return NULL;
   }
   trap_ctx_t *ctx = trap_ctx_init2(&info, spec, service_ifcname);
   trap_free_ifc_spec(spec);
   return ctx;
}

TRAP_PUBLIC int trap_ctx_terminate(trap_ctx_t *c)
{
   struct trap_context *ctx = c;
   if (ctx == NULL || !ctx->initialized) {
      return TRAP_E_OK;
   }
   /* Async-signal-safe: two stores and writes to event descriptors. */
   atomic_store(&ctx->terminated, true);
   eventfd_signal(ctx->term_fd);
   if (ctx->io != NULL) {
      io_wake(ctx); /* the I/O thread lets waiting senders go */
   }
   return TRAP_E_OK;
}

TRAP_PUBLIC int trap_ctx_finalize(trap_ctx_t **c)
{
   if (c == NULL || *c == NULL) {
      return TRAP_E_NOT_INITIALIZED;
   }
   struct trap_context *ctx = *c;
   stdout_flush();
   int rc = TRAP_E_NOT_INITIALIZED;
   if (ctx->initialized) {
      free_context(ctx);
      rc = ctx->lost ? TRAP_E_IO_ERROR : TRAP_E_OK;
   }
   free(ctx);
   *c = NULL;
   return rc;
}
