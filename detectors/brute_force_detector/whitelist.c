/* SPDX-License-Identifier: BSD-3-Clause */
/** The whitelist: lines "[src |dst ]ADDRESS/LENGTH[/PORTS]". */
#include "brute.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PORT_RANGES 32    /* of a rule */
#define RULES       65536 /* of a side */

/* The data of a network: a multiple of four bytes, copied by ipps_init(). */
struct ports {
   uint32_t n; /* 0: all ports */
   struct {
      uint16_t from, to;
   } range[PORT_RANGES];
};

struct rules {
   ipps_network_t *networks;
   uint32_t n, capacity;
};

static bool read_number(const char **text, uint32_t max, uint32_t *value)
{
   const char *p = *text;
   uint64_t number = 0;
   if (!isdigit((unsigned char) *p)) {
      return false;
   }
   for (; isdigit((unsigned char) *p); p++) {
      number = number * 10 + (uint64_t) (*p - '0');
      if (number > max) {
         return false;
      }
   }
   *value = (uint32_t) number;
   *text = p;
   return true;
}

static bool read_ports(const char *text, struct ports *ports)
{
   for (;;) {
      uint32_t from, to;
      if (ports->n == PORT_RANGES || !read_number(&text, UINT16_MAX, &from)) {
         return false;
      }
      to = from;
      if (*text == '-') {
         text++;
         if (!read_number(&text, UINT16_MAX, &to) || to < from) {
            return false;
         }
      }
      ports->range[ports->n].from = (uint16_t) from;
      ports->range[ports->n].to = (uint16_t) to;
      ports->n++;
      if (*text == 0) {
         return true;
      }
      if (*text++ != ',') {
         return false;
      }
   }
}

/* "ADDRESS/LENGTH[/PORTS]" without blanks. */
static bool read_network(char *text, ipps_network_t *network, struct ports *ports)
{
   char *slash = strchr(text, '/');
   if (slash == NULL) {
      return false;
   }
   *slash = 0;
   bool good = ip_from_str(text, &network->addr) == 1;
   *slash = '/';
   const char *rest = slash + 1;
   if (!good || !read_number(&rest, ip_is4(&network->addr) ? 32 : 128, &network->mask)) {
      return false;
   }
   return *rest == 0 || (*rest == '/' && read_ports(rest + 1, ports));
}

static bool add_rule(struct rules *rules, const ipps_network_t *network, const struct ports *ports)
{
   if (rules->n == rules->capacity) {
      uint32_t capacity = rules->capacity > 0 ? 2 * rules->capacity : 16;
      ipps_network_t *more = realloc(rules->networks, capacity * sizeof(*more));
      if (more == NULL) {
         return false;
      }
      rules->networks = more;
      rules->capacity = capacity;
   }
   struct ports *copy = malloc(sizeof(*copy));
   if (copy == NULL) {
      return false;
   }
   *copy = *ports;
   rules->networks[rules->n] = *network;
   rules->networks[rules->n].data = copy;
   rules->networks[rules->n].data_len = sizeof(*copy);
   rules->n++;
   return true;
}

static void free_rules(struct rules *rules)
{
   for (uint32_t i = 0; i < rules->n; i++) {
      free(rules->networks[i].data);
   }
   free(rules->networks);
}

/* What a line says, without its keyword. sides: bit 0 clients, bit 1 servers. */
static char *skip_keyword(char *line, unsigned *sides)
{
   *sides = 3;
   if ((strncmp(line, "src", 3) == 0 || strncmp(line, "dst", 3) == 0) && isspace((unsigned char) line[3])) {
      *sides = line[0] == 's' ? 1 : 2;
      line += 4;
   }
   return line;
}

static void remove_blanks(char *text)
{
   char *to = text;
   for (const char *from = text; *from != 0; from++) {
      if (!isspace((unsigned char) *from)) {
         *to++ = *from;
      }
   }
   *to = 0;
}

/* \return false without memory */
static bool read_line(nm_module_t *m, const char *path, unsigned number, char *line, struct rules rules[2],
                      FILE *to)
{
   ipps_network_t network = {.mask = 0};
   struct ports ports = {.n = 0};
   unsigned sides;
   line[strcspn(line, "#")] = 0;
   while (isspace((unsigned char) *line)) {
      line++;
   }
   if (*line == 0) {
      return true;
   }
   line = skip_keyword(line, &sides);
   remove_blanks(line);
   if (!read_network(line, &network, &ports)) {
      nm_warn(m,
              "%s, line %u: \"%.100s\" is no rule, expected [src |dst ]ADDRESS/LENGTH[/PORTS] with at most "
              "%u ports or ranges",
              path, number, line, PORT_RANGES);
      return true;
   }
   for (unsigned side = 0; side < 2; side++) {
      if (!(sides & (1u << side))) {
         continue;
      }
      if (rules[side].n == RULES) {
         nm_warn(m, "%s, line %u: more than %u rules, this one is ignored", path, number, RULES);
      } else if (!add_rule(&rules[side], &network, &ports)) {
         return false;
      }
   }
   if (to != NULL) {
      fprintf(to, "%s, line %u: %s%s\n", path, number, sides == 3 ? "" : sides == 1 ? "src " : "dst ", line);
   }
   return true;
}

static bool make_side(struct rules *rules, ipps_context_t **side)
{
   ipps_network_list_t list = {.net_count = rules->n, .networks = rules->networks};
   *side = rules->n > 0 ? ipps_init(&list) : NULL;
   return rules->n == 0 || *side != NULL;
}

struct whitelist *whitelist_read(nm_module_t *m, FILE *file, const char *path, FILE *to)
{
   struct rules rules[2] = {{0}, {0}};
   struct whitelist *whitelist = calloc(1, sizeof(*whitelist));
   bool good = whitelist != NULL;
   char *line = NULL;
   size_t size = 0;
   unsigned number = 0;
   for (ssize_t n; good && (n = getline(&line, &size, file)) >= 0;) {
      number++;
      good = read_line(m, path, number, line, rules, to);
   }
   free(line);
   good = good && make_side(&rules[0], &whitelist->side[0]) && make_side(&rules[1], &whitelist->side[1]);
   free_rules(&rules[0]);
   free_rules(&rules[1]);
   if (!good) {
      whitelist_free(whitelist);
      return NULL;
   }
   return whitelist;
}

void whitelist_free(void *object)
{
   struct whitelist *whitelist = object;
   if (whitelist == NULL) {
      return;
   }
   for (unsigned side = 0; side < 2; side++) {
      if (whitelist->side[side] != NULL) {
         ipps_destroy(whitelist->side[side]);
      }
   }
   free(whitelist);
}

static bool has_port(const struct ports *ports, uint16_t port)
{
   for (uint32_t i = 0; i < ports->n; i++) {
      if (ports->range[i].from <= port && port <= ports->range[i].to) {
         return true;
      }
   }
   return ports->n == 0;
}

/* Every network around the address counts. */
static bool has(ipps_context_t *side, const ip_addr_t *address, uint16_t port)
{
   ip_addr_t copy;
   void **data;
   memcpy(&copy, address, sizeof(copy)); /* may stand anywhere in a record */
   int n = side != NULL ? ipps_search(&copy, side, &data) : 0;
   for (int i = 0; i < n; i++) {
      if (has_port(data[i], port)) {
         return true;
      }
   }
   return false;
}

bool whitelist_has(const struct whitelist *whitelist, const ip_addr_t *client, uint16_t client_port,
                   const ip_addr_t *server, uint16_t server_port)
{
   return whitelist != NULL &&
          (has(whitelist->side[0], client, client_port) || has(whitelist->side[1], server, server_port));
}
