/* SPDX-License-Identifier: BSD-3-Clause */
#include "in_params.h"
#include "internal.h"
#include "log.h"
#include "socket.h"
#include "tls.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PARAMS 12

/** Parses the parameters of an input. */
struct params {
   char *list[MAX_PARAMS]; /* without name=, in their order */
   int n;
   char *hostname; /* NULL: the sender's certificate may have any name; "on": that of the host */
   struct keepalive keepalive;
   char *resume;
};

static void params_free(struct params *p)
{
   for (int i = 0; i < p->n; i++) {
      free(p->list[i]);
   }
   free(p->hostname);
   free(p->resume);
}

static bool good_resume_name(const char *name)
{
   size_t n = strlen(name);
   return n > 0 && n < RESUME_NAME &&
          strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.") == n;
}

/* "IDLE/INTERVAL/COUNT" or "off" */
static bool parse_keepalive(const char *value, struct keepalive *k)
{
   char rest;
   if (strcmp(value, "off") == 0) {
      k->idle = 0;
      return true;
   }
   return sscanf(value, "%5d/%5d/%3d%c", &k->idle, &k->interval, &k->count, &rest) == 3 && k->idle > 0 &&
          k->idle <= 32767 && k->interval > 0 && k->interval <= 32767 && k->count > 0 && k->count <= 127;
}

/* "name=value" \return what is wrong, NULL: nothing */
static const char *take_named(struct params *p, char type, const char *param)
{
   if (strncmp(param, "keepalive=", 10) == 0 && type != TRAP_IFC_TYPE_UNIX) {
      return parse_keepalive(param + 10, &p->keepalive)
                 ? NULL
                 : "expected off or IDLE/INTERVAL/COUNT (seconds, seconds, number; as 30/10/3)";
   }
   if (strncmp(param, "hostname=", 9) == 0 && type == TRAP_IFC_TYPE_TLS) {
      free(p->hostname);
      p->hostname = strdup(param + 9);
      return p->hostname == NULL ? "out of memory" : *p->hostname == 0 ? "expected a name or on" : NULL;
   }
   if (strncmp(param, "resume=", 7) == 0 && type == TRAP_IFC_TYPE_UNIX) {
      free(p->resume);
      p->resume = strdup(param + 7);
      return p->resume == NULL              ? "out of memory"
             : !good_resume_name(p->resume) ? "expected 1 to 31 letters, digits, '_', '-' or '.'"
                                            : NULL;
   }
   return type == TRAP_IFC_TYPE_TLS     ? "unknown, expected timeout=, keepalive= or hostname="
          : type == TRAP_IFC_TYPE_TCPIP ? "unknown, expected timeout= or keepalive="
                                        : "unknown, expected timeout= or resume=";
}

/* A name followed by '='. */
static bool is_named(const char *param)
{
   size_t n = strspn(param, "abcdefghijklmnopqrstuvwxyz_");
   return n > 0 && param[n] == '=';
}

static int parse(struct trap_context *ctx, struct params *p, char type, const char *text)
{
   for (const char *rest = text; rest != NULL;) {
      char *param = spec_next(&rest, ':');
      if (param == NULL) {
         return ctx_error(ctx, TRAP_E_MEMORY, NULL);
      }
      if (p->n > 0 && is_named(param)) {
         const char *wrong = take_named(p, type, spec_unquote(param));
         if (wrong != NULL) {
            ctx_error(ctx, TRAP_E_BADPARAMS, "Input parameter '%s': %s.", param, wrong);
         }
         free(param);
         if (wrong != NULL) {
            return TRAP_E_BADPARAMS;
         }
      } else if (p->n == MAX_PARAMS) {
         free(param);
         return ctx_error(ctx, TRAP_E_BADPARAMS, "Input '%s': too many parameters.", text);
      } else {
         p->list[p->n++] = spec_unquote(param);
      }
   }
   return TRAP_E_OK;
}

/* What follows the address: NEMEA 2 accepted and ignored numbers, so configurations contain them. */
static int check_rest(struct trap_context *ctx, const struct params *p, int from)
{
   for (int i = from; i < p->n; i++) {
      const char *param = p->list[i];
      if (*param != 0 && param[strspn(param, "0123456789")] != 0) {
         return ctx_error(ctx, TRAP_E_BADPARAMS, "Input parameter '%s': unknown, expected NAME=VALUE.",
                          param);
      }
      if (*param != 0) {
         LOG_WARNING("Input parameter '%s' has no meaning and is ignored.", param);
      }
   }
   return TRAP_E_OK;
}

static char *take(struct params *p, int i)
{
   char *text = p->list[i];
   p->list[i] = NULL;
   return text;
}

/* "[host:]port:keyfile:certfile:CAfile" */
static int tls_address(struct trap_context *ctx, struct sender_address *to, struct params *p)
{
   int with_host = p->n > 1 + TLS_FILES;
   char *const none[TLS_FILES] = {NULL};
   to->host = with_host ? take(p, 0) : strdup("localhost");
   to->port = p->n > 0 ? take(p, with_host) : NULL;
   if (to->host == NULL || to->port == NULL) {
      return ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   const char *name = p->hostname != NULL && strcmp(p->hostname, "on") == 0 ? to->host : p->hostname;
   to->tls = tls_config_of(ctx, false, p->n < 1 + TLS_FILES ? none : p->list + with_host + 1, name);
   if (to->tls == NULL) {
      return TRAP_E_BADPARAMS;
   }
   int rc = check_tcp_port(ctx, to->port);
   return rc == TRAP_E_OK ? check_rest(ctx, p, with_host + 1 + TLS_FILES) : rc;
}

/* "[host:]port"; of u "[anything:]name" */
static int plain_address(struct trap_context *ctx, struct sender_address *to, char type, struct params *p)
{
   int last = p->n > 1;
   if (p->n < 1 || *p->list[0] == 0 || *p->list[last] == 0) {
      return ctx_error(ctx, TRAP_E_BADPARAMS, "Missing 'destination address' for %s IFC.",
                       socket_type_name(type));
   }
   to->port = take(p, last);
   if (type == TRAP_IFC_TYPE_TCPIP) {
      to->host = last == 1 ? take(p, 0) : strdup("localhost");
   }
   int rc = type == TRAP_IFC_TYPE_TCPIP ? check_tcp_port(ctx, to->port)
                                        : unix_socket_path(ctx, to->port, to->path);
   if (rc == TRAP_E_OK && type == TRAP_IFC_TYPE_TCPIP && to->host == NULL) {
      rc = ctx_error(ctx, TRAP_E_MEMORY, NULL);
   }
   return rc == TRAP_E_OK ? check_rest(ctx, p, last + 1) : rc;
}

int sender_address_parse(struct trap_context *ctx, struct sender_address *to, char type, const char *params)
{
   struct params p = {.keepalive = {.idle = 30, .interval = 10, .count = 3}};
   int rc = parse(ctx, &p, type, params);
   if (rc == TRAP_E_OK) {
      to->keepalive = p.keepalive;
      to->resume = p.resume;
      p.resume = NULL;
      rc = type == TRAP_IFC_TYPE_TLS ? tls_address(ctx, to, &p) : plain_address(ctx, to, type, &p);
   }
   params_free(&p);
   return rc;
}

void sender_address_free(struct sender_address *to)
{
   tls_config_free(to->tls);
   free(to->host);
   free(to->port);
   free(to->resume);
}
