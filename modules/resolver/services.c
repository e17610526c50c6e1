/* SPDX-License-Identifier: BSD-3-Clause */
#include "services.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define PORTS 65536

struct services {
   char **names[256]; /* by protocol; NULL: it has none */
};

static bool add(struct services *s, uint8_t protocol, uint16_t port, const char *name)
{
   char ***list = &s->names[protocol];
   if (*list == NULL && (*list = calloc(PORTS, sizeof(char *))) == NULL) {
      return false;
   }
   if ((*list)[port] == NULL) { /* the first one is that of getservbyport() */
      (*list)[port] = strdup(name);
   }
   return (*list)[port] != NULL;
}

struct services *services_read(void)
{
   struct services *s = calloc(1, sizeof(*s));
   const struct servent *entry;
   bool good = s != NULL;
   setservent(1);
   while (good && (entry = getservent()) != NULL) {
      const struct protoent *protocol = getprotobyname(entry->s_proto);
      if (protocol != NULL && protocol->p_proto >= 0 && protocol->p_proto < 256) {
         good = add(s, (uint8_t) protocol->p_proto, ntohs((uint16_t) entry->s_port), entry->s_name);
      }
   }
   endservent();
   if (!good) {
      services_free(s);
      return NULL;
   }
   return s;
}

void services_free(struct services *s)
{
   for (unsigned i = 0; s != NULL && i < 256; i++) {
      for (unsigned port = 0; s->names[i] != NULL && port < PORTS; port++) {
         free(s->names[i][port]);
      }
      free(s->names[i]);
   }
   free(s);
}

const char *services_name(const struct services *s, uint16_t port, uint8_t protocol)
{
   return s->names[protocol] != NULL ? s->names[protocol][port] : NULL;
}
