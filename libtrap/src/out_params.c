/* SPDX-License-Identifier: BSD-3-Clause */
/** Output over sockets: the parameters that follow its letter in an IFC_SPEC. */
#include "out_socket.h"
#include "socket.h"
#include "tls.h"

#include <stdlib.h>
#include <string.h>

/* Result of trying a parameter: it is another one, it is right, or its value is wrong (the error is set). */
enum match { OTHER, TAKEN, WRONG };

static enum match wrong_value(struct trap_context *ctx, const char *param, const char *expected)
{
   ctx_error(ctx, TRAP_E_BADPARAMS, "Output parameter '%s': expected %s.", param, expected);
   return WRONG;
}

/* "name=value" as a number; what is too large becomes max, since NEMEA 2 knew other limits. */
static enum match number_param(struct trap_context *ctx, const char *param, const char *name, long min,
                               long max, uint32_t *value)
{
   size_t n = strlen(name);
   char *end, expected[64];
   if (strncmp(param, name, n) != 0 || param[n] != '=') {
      return OTHER;
   }
   long v = strtol(param + n + 1, &end, 10);
   if (end == param + n + 1 || *end != 0 || v < min) {
      snprintf(expected, sizeof(expected), "a number from %ld to %ld", min, max);
      return wrong_value(ctx, param, expected);
   }
   if (v > max) {
      LOG_WARNING("Output parameter '%s' is too large, %ld is used.", param, max);
   }
   *value = (uint32_t) (v > max ? max : v);
   return TAKEN;
}

static enum match mode_param(struct trap_context *ctx, struct socket_output *s, const char *param)
{
   char *end;
   if (strncmp(param, "mode=", 5) != 0 || s->out.type != TRAP_IFC_TYPE_UNIX) {
      return OTHER;
   }
   unsigned long mode = strtoul(param + 5, &end, 8);
   if (end == param + 5 || *end != 0 || mode > 0777) {
      return wrong_value(ctx, param, "octal digits from 0 to 777");
   }
   s->mode = (mode_t) mode;
   return TAKEN;
}

static enum match text_param(struct trap_context *ctx, const char *param, const char *name, char **value)
{
   size_t n = strlen(name);
   if (strncmp(param, name, n) != 0 || param[n] != '=') {
      return OTHER;
   }
   if (param[n + 1] == 0) {
      return wrong_value(ctx, param, "a name");
   }
   free(*value);
   *value = strdup(param + n + 1);
   return TAKEN;
}

static int parse_param(struct trap_context *ctx, struct socket_output *s, const char *param)
{
   bool is_unix = s->out.type == TRAP_IFC_TYPE_UNIX;
   enum match m = number_param(ctx, param, "max_clients", 1, MAX_CLIENTS, &s->max_clients);
   m = m != OTHER ? m : number_param(ctx, param, "min_clients", 0, MAX_CLIENTS, &s->min_clients);
   m = m != OTHER ? m : number_param(ctx, param, "maxstall", 0, 3600000, &s->maxstall);
   m = m != OTHER ? m : number_param(ctx, param, "buffer_count", 1, 10000, &s->buffer_count);
   m = m != OTHER ? m : number_param(ctx, param, "buffer_size", MIN_BUFFER, MAX_BUFFER, &s->buffer_size);
   m = m != OTHER ? m : mode_param(ctx, s, param);
   m = m != OTHER || !is_unix ? m : text_param(ctx, param, "group", &s->group);
   m = m != OTHER || is_unix ? m : text_param(ctx, param, "bind", &s->address);
   m = m != OTHER || is_unix
           ? m
           : number_param(ctx, param, "max_per_address", 1, MAX_CLIENTS, &s->max_per_address);
   m = m != OTHER || is_unix ? m : number_param(ctx, param, "ack_timeout", 0, 3600000, &s->ack_timeout);
   if (m == WRONG || m == TAKEN || *param == 0) {
      return m == WRONG ? TRAP_E_BADPARAMS : TRAP_E_OK;
   }
   if (param[strspn(param, "0123456789")] ==
       0) { /* NEMEA 2 ignored a number here, so configurations contain it */
      LOG_WARNING("Output parameter '%s' has no meaning and is ignored.", param);
      return TRAP_E_OK;
   }
   return ctx_error(ctx, TRAP_E_BADPARAMS,
                    "Output parameter '%s': unknown, expected timeout=, buffer=, autoflush=, max_clients=, "
                    "min_clients=, buffer_size=, buffer_count=, maxstall=, %s.",
                    param, is_unix ? "mode= or group=" : "bind=, max_per_address= or ack_timeout=");
}

/* The three files of T. \return what follows them; *rc tells of a mistake */
static const char *parse_tls(struct trap_context *ctx, struct socket_output *s, const char *rest, int *rc)
{
   char *files[TLS_FILES] = {NULL};
   for (int i = 0; i < TLS_FILES && rest != NULL; i++) {
      files[i] = spec_next(&rest, ':');
      if (files[i] != NULL) {
         spec_unquote(files[i]);
      }
   }
   s->tls = tls_config_of(ctx, true, files, NULL);
   *rc = s->tls != NULL ? TRAP_E_OK : TRAP_E_BADPARAMS;
   for (int i = 0; i < TLS_FILES; i++) {
      free(files[i]);
   }
   return rest;
}

int output_parse_params(struct trap_context *ctx, struct socket_output *s, const char *params)
{
   int rc = TRAP_E_OK;
   const char *rest = params;
   s->name = spec_next(&rest, ':');
   if (s->name == NULL || *spec_unquote(s->name) == 0) {
      return ctx_error(ctx, TRAP_E_BADPARAMS, "Missing 'port' for %s IFC.", socket_type_name(s->out.type));
   }
   if (s->out.type == TRAP_IFC_TYPE_TLS) {
      rest = parse_tls(ctx, s, rest, &rc);
   }
   if (rc != TRAP_E_OK) {
      return rc;
   }
   while (rest != NULL && rc == TRAP_E_OK) {
      char *param = spec_next(&rest, ':');
      if (param == NULL) {
         return ctx_error(ctx, TRAP_E_MEMORY, NULL);
      }
      rc = parse_param(ctx, s, spec_unquote(param));
      free(param);
   }
   if (rc != TRAP_E_OK) {
      return rc;
   }
   if (s->max_per_address == 0) { /* a number of clients that was chosen may all be on one machine */
      s->max_per_address = s->max_clients != 0 ? s->max_clients : MAX_PER_ADDRESS;
   }
   s->max_clients = s->max_clients != 0 ? s->max_clients : MAX_CLIENTS;
   char path[SOCKET_PATH_SIZE];
   return s->out.type != TRAP_IFC_TYPE_UNIX ? check_tcp_port(ctx, s->name)
                                            : unix_socket_path(ctx, s->name, path);
}

void output_free_params(struct socket_output *s)
{
   tls_config_free(s->tls);
   free(s->name);
   free(s->group);
   free(s->address);
}
