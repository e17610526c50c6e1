/* SPDX-License-Identifier: BSD-3-Clause */
#include "addresses.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unirec/ipaddr.h>

struct rule {
   uint8_t address[16], mask[16];
   uint64_t link;
   uint32_t interface;
   uint8_t direction;
   bool any_interface;
};

struct fc_addresses {
   struct rule rules[FC_MAX_RULES];
   unsigned n;
};

struct fc_addresses *fc_addresses_new(void)
{
   return calloc(1, sizeof(struct fc_addresses));
}

void fc_addresses_free(struct fc_addresses *a)
{
   free(a);
}

static bool number(const char *text, size_t length, uint64_t most, uint64_t *value)
{
   char digits[24], *end = NULL;
   if (length == 0 || length >= sizeof(digits) || text[0] < '0' || text[0] > '9') {
      return false;
   }
   memcpy(digits, text, length);
   digits[length] = 0;
   *value = strtoull(digits, &end, 10);
   return *end == 0 && *value <= most;
}

/* ADDRESS or PREFIX/LENGTH. */
static bool parse_prefix(const char *text, size_t length, struct rule *r)
{
   char address[64];
   ip_addr_t ip;
   const char *slash = memchr(text, '/', length);
   size_t n = slash != NULL ? (size_t) (slash - text) : length;
   if (n >= sizeof(address)) {
      return false;
   }
   memcpy(address, text, n);
   address[n] = 0;
   if (ip_from_str(address, &ip) != 1) {
      return false;
   }
   bool v4 = ip_is4(&ip);
   uint64_t bits = v4 ? 32 : 128;
   if (slash != NULL && !number(slash + 1, length - n - 1, bits, &bits)) {
      return false;
   }
   memset(r->mask, v4 ? 0xff : 0, sizeof(r->mask)); /* the bytes that say that it is IPv4 count */
   for (unsigned i = 0; i < (v4 ? 4u : 16u); i++) {
      unsigned left = bits > 8 * i ? (unsigned) bits - 8 * i : 0;
      r->mask[(v4 ? 8 : 0) + i] = (uint8_t) (left >= 8 ? 0xff : 0xff00 >> left);
   }
   memcpy(r->address, &ip, sizeof(r->address));
   for (unsigned i = 0; i < 16; i++) {
      r->address[i] &= r->mask[i];
   }
   return true;
}

static bool full(const struct fc_addresses *a, char error[FC_ERROR])
{
   if (a->n == FC_MAX_RULES) {
      snprintf(error, FC_ERROR, "more than %d of them", FC_MAX_RULES);
   }
   return a->n == FC_MAX_RULES;
}

bool fc_addresses_add(struct fc_addresses *a, const char *text, char error[FC_ERROR])
{
   if (full(a, error)) {
      return false;
   }
   if (!parse_prefix(text, strlen(text), &a->rules[a->n])) {
      snprintf(error, FC_ERROR, "\"%s\" (expected an address or PREFIX/LENGTH)", text);
      return false;
   }
   a->n++;
   return true;
}

bool fc_addresses_link(struct fc_addresses *a, const char *text, char error[FC_ERROR])
{
   if (full(a, error)) {
      return false;
   }
   struct rule *r = &a->rules[a->n];
   const char *equals = strchr(text, '='), *percent = strchr(text, '%'), *colon;
   uint64_t interface = 0, direction = 0;
   bool good = equals != NULL;
   if (good) {
      r->any_interface = percent == NULL || percent > equals;
      const char *end = r->any_interface ? equals : percent;
      colon = strchr(equals, ':');
      good = parse_prefix(text, (size_t) (end - text), r) &&
             (r->any_interface ||
              number(percent + 1, (size_t) (equals - percent - 1), UINT32_MAX, &interface)) &&
             number(equals + 1, colon != NULL ? (size_t) (colon - equals - 1) : strlen(equals + 1),
                    UINT64_MAX, &r->link) &&
             (colon == NULL || number(colon + 1, strlen(colon + 1), UINT8_MAX, &direction));
   }
   if (!good) {
      snprintf(error, FC_ERROR,
               "\"%s\" (expected EXPORTER[%%INTERFACE]=LINK[:DIRECTION], such as 192.0.2.1%%7=2:1)", text);
      return false;
   }
   r->interface = (uint32_t) interface;
   r->direction = (uint8_t) direction;
   a->n++;
   return true;
}

static bool matches(const struct rule *r, const uint8_t address[16])
{
   for (unsigned i = 0; i < 16; i++) {
      if ((address[i] & r->mask[i]) != r->address[i]) {
         return false;
      }
   }
   return true;
}

bool fc_addresses_allow(void *addresses, const uint8_t address[16])
{
   const struct fc_addresses *a = addresses;
   for (unsigned i = 0; i < a->n; i++) {
      if (matches(&a->rules[i], address)) {
         return true;
      }
   }
   return false;
}

void fc_addresses_link_of(void *addresses, const struct fc_peer *peer, const struct fc_facts *facts,
                          struct fc_context *c)
{
   const struct fc_addresses *a = addresses;
   bool out = (facts->present >> FACT_WAY & 1) != 0 && facts->value[FACT_WAY] == 1;
   enum fc_fact which = out ? FACT_EGRESS : FACT_INGRESS;
   bool known = (facts->present >> which & 1) != 0;
   c->link = c->domain;
   c->direction = 0;
   for (unsigned i = 0; i < a->n; i++) {
      const struct rule *r = &a->rules[i];
      if ((r->any_interface || (known && facts->value[which] == r->interface)) && matches(r, peer->address)) {
         c->link = r->link;
         c->direction = r->direction;
         return;
      }
   }
}
