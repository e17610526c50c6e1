/* SPDX-License-Identifier: BSD-3-Clause */
/** The list of plugins, for --plugin-list. */
#include "command_line.h"
#include "plugins/registry.h"

#include <stdio.h>
#include <string.h>

#define WIDTH  110
#define INDENT 15

static void print_fields(const char *fields)
{
   size_t column = INDENT;
   printf("%*s", INDENT, "");
   while (*fields != 0) {
      size_t n = strcspn(fields, ",");
      if (column + n + 2 > WIDTH) {
         printf("\n%*s", INDENT, "");
         column = INDENT;
      }
      printf("%.*s%s", (int) n, fields, fields[n] == ',' ? ", " : "\n");
      column += n + 2;
      fields += n + (fields[n] == ',');
   }
}

void list_plugin(const struct flow_plugin *p)
{
   printf("%-14s %s\n", p->name, p->help);
   for (const struct flow_plugin_option *o = p->options; o != NULL && o->name != NULL; o++) {
      printf("%*s:%s%s  %s\n", INDENT, "", o->name,
             o->set != NULL ? "[=FILE]"
             : o->max == 1  ? ""
                            : "=N",
             o->help);
   }
   print_fields(p->fields);
}

void list_plugins(void)
{
   const struct flow_plugin *p;
   printf("basic          every flow; its fields come first in the records of every plugin\n");
   for (size_t i = 0; (p = flow_plugin_at(i)) != NULL; i++) {
      list_plugin(p);
   }
   puts("arp            one record for each ARP message, no flows (flow_meter only)\n"
        "               macaddr SRC_MAC,macaddr DST_MAC,uint16 ETHERTYPE,time TIME,uint16 ARP_HA_FORMAT,\n"
        "               uint16 ARP_PA_FORMAT,uint16 ARP_OPCODE,bytes ARP_SRC_HA,bytes ARP_SRC_PA,\n"
        "               bytes ARP_DST_HA,bytes ARP_DST_PA");
}
