/* SPDX-License-Identifier: BSD-3-Clause */
#include "in_params.h"
#include "internal.h"
#include "socket.h"
#include "tls.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PARAMS 8

/* Splits at colons. \return number of parameters, -1 without memory; the caller frees them */
static int split(const char *params, char *list[MAX_PARAMS])
{
   int n = 0;
   for (const char *rest = params; rest != NULL && n < MAX_PARAMS; n++) {
      rest = trap_get_param_by_delimiter(rest, &list[n], ':');
      if (list[n] == NULL) {
         return -1;
      }
   }
   return n;
}

/* Takes hostname= out of the list: NULL: the certificate may have any name; "on": that of the host. */
static char *take_hostname(char *list[MAX_PARAMS], int *n)
{
   char *found = NULL;
   int left = 0;
   for (int i = 0; i < *n; i++) {
      if (strncmp(list[i], "hostname=", 9) == 0 && found == NULL) {
         found = list[i];
      } else {
         list[left++] = list[i];
      }
   }
   *n = left;
   return found;
}

/* "[host:]port:keyfile:certfile:CAfile[:hostname=NAME or on]" */
static int parse_tls(struct trap_context *ctx, struct sender_address *to, char *list[MAX_PARAMS], int n)
{
   char *wanted = take_hostname(list, &n);
   bool with_host = n > 1 + TLS_FILES;
   char *const none[TLS_FILES] = {NULL};
   to->host = strdup(with_host ? list[0] : "localhost");
   to->port = n > 0 ? strdup(list[with_host]) : NULL;
   const char *name = wanted == NULL ? NULL : strcmp(wanted + 9, "on") == 0 ? to->host : wanted + 9;
   to->tls = tls_config_of(ctx, false, n < 1 + TLS_FILES ? none : list + with_host + 1, name);
   free(wanted);
   for (int i = 0; i < n; i++) {
      free(list[i]);
   }
   return to->tls != NULL ? check_tcp_port(ctx, to->port) : TRAP_E_BADPARAMS;
}

int sender_address_parse(struct trap_context *ctx, struct sender_address *to, char type, const char *params)
{
   char *list[MAX_PARAMS] = {NULL};
   int n = split(params, list), used = n > 1 ? 2 : 1;
   if (n >= 0 && type == TRAP_IFC_TYPE_TLS) {
      return parse_tls(ctx, to, list, n);
   }
   bool missing = n < 1 || *list[0] == 0 || *list[used - 1] == 0;
   if (!missing) {
      to->port = list[used - 1];
      list[used - 1] = NULL;
   }
   if (!missing && type == TRAP_IFC_TYPE_TCPIP) {
      to->host = used == 2 ? list[0] : strdup("localhost");
      list[0] = used == 2 ? NULL : list[0];
   }
   for (int i = 0; i < MAX_PARAMS; i++) {
      free(list[i]);
   }
   if (missing) {
      return ctx_error(ctx, TRAP_E_BADPARAMS, "Missing 'destination address' for %s IFC.",
                       socket_type_name(type));
   }
   return type == TRAP_IFC_TYPE_TCPIP ? check_tcp_port(ctx, to->port)
                                      : unix_socket_path(ctx, to->port, to->path, sizeof(to->path));
}

void sender_address_free(struct sender_address *to)
{
   tls_config_free(to->tls);
   free(to->host);
   free(to->port);
}
