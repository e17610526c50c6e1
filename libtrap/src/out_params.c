/* SPDX-License-Identifier: BSD-3-Clause */
/** Output over sockets: the parameters that follow its letter in an IFC_SPEC. */
#include "out_socket.h"
#include "socket.h"
#include "tls.h"

#include <stdlib.h>
#include <string.h>

/* "name=value" as a number within limits; anything else is said and leaves the default. */
static bool number_param(const char *param, const char *name, long min, long max, uint32_t *value)
{
   size_t n = strlen(name);
   char *end;
   if (strncmp(param, name, n) != 0 || param[n] != '=') {
      return false;
   }
   long v = strtol(param + n + 1, &end, 10);
   if (end == param + n + 1 || *end != 0 || v < min) {
      LOG_ERROR("Parameter %s ignored: expected a number from %ld to %ld.", param, min, max);
   } else if (v > max) {
      LOG_WARNING("Parameter %s is too large, %ld is used.", param, max);
      *value = (uint32_t) max;
   } else {
      *value = (uint32_t) v;
   }
   return true;
}

static void parse_param(struct socket_output *s, const char *param)
{
   char *end;
   if (number_param(param, "max_clients", 1, MAX_CLIENTS, &s->max_clients) ||
       number_param(param, "min_clients", 0, MAX_CLIENTS, &s->min_clients) ||
       number_param(param, "maxstall", 0, 3600000, &s->maxstall) ||
       number_param(param, "buffer_count", 1, 10000, &s->buffer_count) ||
       number_param(param, "buffer_size", MIN_BUFFER, MAX_BUFFER, &s->buffer_size)) {
      return;
   }
   if (strncmp(param, "mode=", 5) == 0) {
      unsigned long mode = strtoul(param + 5, &end, 8);
      if (end == param + 5 || *end != 0 || mode > 0777) {
         LOG_ERROR("Parameter %s ignored: expected octal digits from 0 to 777.", param);
      } else {
         s->mode = (mode_t) mode;
      }
   } else if (strncmp(param, "group=", 6) == 0) {
      free(s->group);
      s->group = strdup(param + 6);
   } else if (strncmp(param, "bind=", 5) == 0 && s->out.type != TRAP_IFC_TYPE_UNIX) {
      free(s->address);
      s->address = strdup(param + 5);
   } else if (*param != 0) {
      LOG_ERROR("Unknown parameter \"%s\".", param);
   }
}

/* The three files of T. \return what follows them; *rc tells of a mistake */
static const char *parse_tls(struct trap_context *ctx, struct socket_output *s, const char *rest, int *rc)
{
   char *files[TLS_FILES] = {NULL};
   for (int i = 0; i < TLS_FILES && rest != NULL; i++) {
      rest = trap_get_param_by_delimiter(rest, &files[i], ':');
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
   const char *rest = trap_get_param_by_delimiter(params, &s->name, ':');
   if (s->name == NULL || s->name[0] == 0) {
      return ctx_error(ctx, TRAP_E_BADPARAMS, "Missing 'port' for %s IFC.", socket_type_name(s->out.type));
   }
   if (s->out.type == TRAP_IFC_TYPE_TLS) {
      rest = parse_tls(ctx, s, rest, &rc);
   }
   if (rc != TRAP_E_OK) {
      return rc;
   }
   while (rest != NULL) {
      char *param = NULL;
      rest = trap_get_param_by_delimiter(rest, &param, ':');
      if (param == NULL) {
         return ctx_error(ctx, TRAP_E_MEMORY, NULL);
      }
      parse_param(s, param);
      free(param);
   }
   return s->out.type != TRAP_IFC_TYPE_UNIX ? check_tcp_port(ctx, s->name)
                                            : unix_socket_path(ctx, s->name, s->path, sizeof(s->path));
}

void output_free_params(struct socket_output *s)
{
   tls_config_free(s->tls);
   free(s->name);
   free(s->group);
   free(s->address);
}
