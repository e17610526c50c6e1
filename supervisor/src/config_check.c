/* SPDX-License-Identifier: BSD-3-Clause */
/** How the modules fit together, and whether this machine has what they need. All findings are warnings. */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

size_t config_end(const struct config_interface *i, const char **end)
{
   const char *p = i->params != NULL ? i->params : "";
   bool network = i->type == TYPE_TCP || i->type == TYPE_TLS;
   size_t first = strcspn(p, ":,");
   if (network && i->direction == DIRECTION_IN && p[first] != 0 &&
       strspn(p, "0123456789") != first) { /* host:port, host,port */
      p += first + 1;
   }
   *end = p;
   return strcspn(p, ":,");
}

bool config_is_local(const struct config_interface *i)
{
   const char *p = i->params != NULL ? i->params : "";
   if (i->type == TYPE_UNIX) {
      return true;
   }
   if (i->type != TYPE_TCP && i->type != TYPE_TLS) {
      return false;
   }
   size_t host = strcspn(p, ":,");
   static const char *const names[] = {"localhost", "127.0.0.1"};
   for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
      if (strlen(names[n]) == host && memcmp(p, names[n], host) == 0) {
         return true;
      }
   }
   return strspn(p, "0123456789") == host; /* only a port */
}

/* UNIX sockets have names of their own; TCP and TLS share the ports. */
bool config_same_end(const struct config_interface *a, const struct config_interface *b)
{
   const char *x, *y;
   size_t n = config_end(a, &x);
   if ((a->type == TYPE_UNIX) != (b->type == TYPE_UNIX) || n == 0 || config_end(b, &y) != n) {
      return false;
   }
   return memcmp(x, y, n) == 0;
}

bool config_meets(const struct config_interface *i)
{
   return i->type == TYPE_UNIX || i->type == TYPE_TCP || i->type == TYPE_TLS;
}

const char *config_end_kind(const struct config_interface *i)
{
   return i->type == TYPE_UNIX ? "UNIX socket" : "port";
}

static void check_output(struct config *c, const struct config_output *all, size_t n,
                         const struct config_output *o)
{
   const char *end;
   size_t length = config_end(o->ifc, &end);
   for (size_t i = 0; i < n; i++) {
      if (config_same_end(all[i].ifc, o->ifc)) {
         config_warning(c, o->ifc->line, "modules \"%.100s\" and \"%.100s\" both send on %s %.*s",
                        all[i].module->name, o->module->name, config_end_kind(o->ifc), (int) length, end);
      }
   }
}

static void check_input(struct config *c, const struct config_output *all, size_t n,
                        const struct config_module *m, const struct config_interface *ifc)
{
   const char *end;
   size_t length = config_end(ifc, &end);
   for (size_t i = 0; i < n; i++) {
      if (config_same_end(all[i].ifc, ifc)) {
         if (all[i].ifc->type != ifc->type) {
            config_warning(c, ifc->line,
                           "module \"%.100s\" reads port %.*s as %s, module \"%.100s\" sends %s", m->name,
                           (int) length, end, config_type_name(ifc->type), all[i].module->name,
                           config_type_name(all[i].ifc->type));
         }
         return;
      }
   }
   config_warning(c, ifc->line, "no enabled module sends what module \"%.100s\" reads: %s %.*s", m->name,
                  config_end_kind(ifc), (int) length, end);
}

/* \return the port, 0: no number of a port */
static unsigned port_of(const struct config_interface *i)
{
   const char *end;
   size_t length = config_end(i, &end);
   if (length == 0 || length > 5 || strspn(end, "0123456789") != length) {
      return 0;
   }
   unsigned long port = strtoul(end, NULL, 10);
   return port <= 65535 ? (unsigned) port : 0;
}

static void check_port(struct config *c, const struct config_interface *i, bool is_free)
{
   unsigned port = port_of(i);
   if (port == 0) {
      config_warning(c, i->line, "\"%.100s\" has no port, expected a number from 1 to 65535",
                     i->params != NULL ? i->params : "");
      return;
   }
   int fd = is_free && i->direction == DIRECTION_OUT ? socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
   if (fd >= 0) {
      struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t) port)};
      int one = 1;
      (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
      if (bind(fd, (struct sockaddr *) &a, sizeof(a)) != 0 && (errno == EADDRINUSE || errno == EACCES)) {
         config_warning(c, i->line, "TCP port %u: %s", port, strerror(errno));
      }
      close(fd);
   }
}

static bool can_execute(const char *path)
{
   struct stat st;
   return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool in_path(const char *name)
{
   const char *path = getenv("PATH");
   for (const char *p = path != NULL ? path : "/bin:/usr/bin"; *p != 0;) {
      size_t n = strcspn(p, ":");
      char *file = NULL;
      if (asprintf(&file, "%.*s/%s", (int) n, p, name) < 0) {
         return true;
      }
      bool found = can_execute(file);
      free(file);
      if (found) {
         return true;
      }
      p += n + (p[n] == ':');
   }
   return false;
}

static void check_module(struct config *c, const struct config_module *m, const struct config_output *outputs,
                         size_t n, bool ports)
{
   if (strchr(m->path, '/') != NULL ? !can_execute(m->path) : !in_path(m->path)) {
      config_warning(c, m->line, "program of module \"%.100s\" cannot be executed: %.300s", m->name, m->path);
   }
   for (uint32_t i = 0; i < m->n_interfaces; i++) {
      const struct config_interface *ifc = &m->interfaces[i];
      if (ifc->type == TYPE_TCP || ifc->type == TYPE_TLS) {
         check_port(c, ifc, ports);
      }
      if (ifc->direction == DIRECTION_IN && config_meets(ifc) && config_is_local(ifc)) {
         check_input(c, outputs, n, m, ifc);
      }
      if (ifc->type == TYPE_FILE && ifc->direction == DIRECTION_IN && ifc->params != NULL &&
          strpbrk(ifc->params, "*?:") == NULL && access(ifc->params, R_OK) != 0) {
         config_warning(c, ifc->line, "module \"%.100s\" cannot read %.300s: %s", m->name, ifc->params,
                        strerror(errno));
      }
   }
}

#define OUTPUTS 4096 /* compared with each other; the check of more would take too long */

void config_check_topology(struct config *c, bool ports)
{
   struct config_output *outputs = calloc(OUTPUTS, sizeof(*outputs));
   size_t n = 0;
   if (outputs == NULL) {
      config_error(c, 1, "no memory");
      return;
   }
   for (uint32_t k = 0; k < c->n_modules; k++) {
      const struct config_module *m = &c->modules[k];
      uint32_t index = 0;
      for (uint32_t i = 0; config_enabled(c, m) && i < m->n_interfaces && n < OUTPUTS; i++) {
         const struct config_interface *ifc = &m->interfaces[i];
         if (ifc->direction == DIRECTION_OUT && config_meets(ifc)) {
            outputs[n] = (struct config_output){m, ifc, index};
            check_output(c, outputs, n, &outputs[n]);
            n++;
         }
         index += ifc->direction == DIRECTION_OUT;
      }
   }
   if (n == OUTPUTS) {
      config_warning(c, 1, "only the first %d outputs were compared", OUTPUTS);
   }
   for (uint32_t k = 0; k < c->n_modules; k++) {
      if (config_enabled(c, &c->modules[k])) {
         check_module(c, &c->modules[k], outputs, n, ports);
         config_options_check_machine(c, &c->modules[k]);
      }
   }
   config_check_formats(c, outputs, n);
   free(outputs);
}
