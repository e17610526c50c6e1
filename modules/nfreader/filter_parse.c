/* SPDX-License-Identifier: BSD-3-Clause */
/** Filters of nfdump: the parser. */
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "filter_tree.h"

#define WORD     64 /* longest word that means something, with its 0 */
#define MAX_LIST 1000000

struct parser {
   nf_filter_t *f;
   const char *next;
   char word[WORD]; /* token at hand: a word, a sign, or "" at the end */
   bool failed;
   char *error;
   unsigned depth;
};

__attribute__((format(printf, 2, 3))) static uint32_t fail(struct parser *p, const char *format, ...)
{
   va_list ap;
   if (!p->failed) {
      va_start(ap, format);
      vsnprintf(p->error, NF_FILTER_ERROR, format, ap);
      va_end(ap);
   }
   p->failed = true;
   p->word[0] = 0;
   return NO_NODE;
}

static uint32_t unexpected(struct parser *p, const char *expected)
{
   return p->word[0] != 0 ? fail(p, "unexpected \"%s\", expected %s", p->word, expected)
                          : fail(p, "unexpected end, expected %s", expected);
}

static bool is_word_byte(char c)
{
   return isalnum((unsigned char) c) || (c != 0 && strchr("_.:/-", c) != NULL);
}

/* Length of the token at s. */
static size_t token_length(const char *s)
{
   static const char *const signs[] = {"&&", "||", "==", "<=", ">=", NULL};
   size_t n = 0;
   while (is_word_byte(s[n])) {
      n++;
   }
   for (int i = 0; n == 0 && signs[i] != NULL; i++) {
      n = strncmp(s, signs[i], 2) == 0 ? 2 : 0;
   }
   return n > 0 ? n : *s != 0;
}

static void advance(struct parser *p)
{
   while (isspace((unsigned char) *p->next) || *p->next == '#') {
      p->next += *p->next == '#' ? strcspn(p->next, "\n") : 1;
   }
   size_t n = token_length(p->next);
   if (n >= WORD) {
      fail(p, "unexpected \"%.*s...\": the word is too long", WORD - 1, p->next);
      return;
   }
   memcpy(p->word, p->next, n);
   p->word[n] = 0;
   p->next += n;
}

static bool is(const struct parser *p, const char *word)
{
   return strcasecmp(p->word, word) == 0;
}

/* Goes on when the token is this one. */
static bool take(struct parser *p, const char *word)
{
   bool found = !p->failed && is(p, word);
   if (found) {
      advance(p);
   }
   return found;
}

static uint32_t add(struct parser *p, struct node node)
{
   nf_filter_t *f = p->f;
   if (p->failed) {
      return NO_NODE;
   }
   if (f->n == f->size) {
      uint32_t size = f->size > 0 ? 2 * f->size : 16;
      struct node *larger = realloc(f->nodes, size * sizeof(*larger));
      if (larger == NULL) {
         return fail(p, "out of memory");
      }
      f->nodes = larger;
      f->size = size;
   }
   node.next = NO_NODE;
   f->nodes[f->n] = node;
   return f->n++;
}

/* A number that is at most max; with a scale, k, m, g and t may follow it. */
static uint64_t number(struct parser *p, uint64_t max, bool scaled)
{
   static const char scales[] = "kmgt";
   char *end = p->word;
   errno = 0;
   uint64_t value = isdigit((unsigned char) p->word[0])
                        ? strtoull(p->word, &end, p->word[1] == 'x' || p->word[1] == 'X' ? 16 : 10)
                        : 0;
   const char *scale = scaled && *end != 0 ? strchr(scales, tolower((unsigned char) *end)) : NULL;
   bool good = end > p->word && errno == 0 && end[scale != NULL] == 0;
   for (const char *s = scales; good && scale != NULL && s <= scale; s++) {
      good = !__builtin_mul_overflow(value, 1000u, &value);
   }
   if (!good || value > max) {
      if (p->word[0] == 0) {
         unexpected(p, "a number");
      } else {
         fail(p, "unexpected \"%s\", expected a number from 0 to %llu", p->word, (unsigned long long) max);
      }
      return 0;
   }
   advance(p);
   return value;
}

static enum comparison comparison(struct parser *p)
{
   static const struct {
      const char *sign;
      enum comparison is;
   } all[] = {{"=", IS_EQUAL},   {"==", IS_EQUAL},   {"eq", IS_EQUAL},   {"<", IS_LESS},     {"lt", IS_LESS},
              {">", IS_GREATER}, {"gt", IS_GREATER}, {"<=", IS_AT_MOST}, {">=", IS_AT_LEAST}};
   for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
      if (take(p, all[i].sign)) {
         return all[i].is;
      }
   }
   return IS_EQUAL;
}

/* "10.1" of "10.1/16" is 10.1.0.0. */
static bool parse_address(const char *text, bool may_be_short, ip_addr_t *ip)
{
   char full[WORD + 8];
   int dots = 0;
   for (const char *c = text; *c != 0; c++) {
      dots += *c == '.';
   }
   snprintf(full, sizeof(full), "%s", text);
   if (may_be_short && strchr(text, ':') == NULL && isdigit((unsigned char) text[0])) {
      for (; dots < 3; dots++) {
         strcat(full, ".0");
      }
   }
   return ip_from_str(full, ip) != 0;
}

/* An address, or with a prefix length a network. \return its length, -1 after fail() */
static int network(struct parser *p, bool needs_length, ip_addr_t *ip)
{
   char text[WORD], *slash, *end = NULL;
   strcpy(text, p->word);
   slash = strchr(text, '/');
   if (slash != NULL) {
      *slash = 0;
   }
   if (!parse_address(text, slash != NULL, ip)) {
      unexpected(p, "an address");
      return -1;
   }
   int longest = ip_is4(ip) ? 32 : 128;
   long length = slash != NULL && isdigit((unsigned char) slash[1]) ? strtol(slash + 1, &end, 10) : longest;
   if ((slash != NULL && (end == NULL || *end != 0 || length > longest)) || (needs_length && slash == NULL)) {
      fail(p, "unexpected \"%s\", expected ADDRESS/LENGTH with a length of at most %d", p->word, longest);
      return -1;
   }
   advance(p);
   return (int) length;
}

static ip_addr_t mask_of(const ip_addr_t *ip, int length)
{
   ip_addr_t mask;
   int first = ip_is4(ip) ? 64 : 0;                    /* bit where the prefix begins */
   memset(&mask, ip_is4(ip) ? 0xff : 0, sizeof(mask)); /* the other bits tell the family */
   for (int i = first; i < first + (ip_is4(ip) ? 32 : 128); i++) {
      uint8_t bit = (uint8_t) (0x80 >> (i % 8));
      mask.bytes[i / 8] = (uint8_t) (i < first + length ? mask.bytes[i / 8] | bit : mask.bytes[i / 8] & ~bit);
   }
   return mask;
}

static uint32_t add_network(struct parser *p, enum ends ends, const ip_addr_t *ip, const ip_addr_t *mask)
{
   return add(p, (struct node){.kind = IS_NETWORK, .ends = ends, .ip = *ip, .mask = *mask});
}

/* Behind "net": NETWORK/LENGTH or NETWORK MASK. */
static uint32_t net(struct parser *p, enum ends ends)
{
   ip_addr_t ip, mask;
   const char *second = p->next + strspn(p->next, " \t");
   bool with_mask = isdigit((unsigned char) *second) && parse_address(p->word, false, &ip) && ip_is4(&ip);
   int length = network(p, !with_mask, &ip);
   if (length < 0) {
      return NO_NODE;
   }
   if (!with_mask) {
      mask = mask_of(&ip, length);
      return add_network(p, ends, &ip, &mask);
   }
   if (!parse_address(p->word, false, &mask) || !ip_is4(&mask)) {
      return unexpected(p, "a mask such as 255.255.0.0");
   }
   mask.ui64[0] = UINT64_MAX;
   advance(p);
   return add_network(p, ends, &ip, &mask);
}

/* The end of a list, or what separates its entries. \return true: the list goes on */
static bool list_goes_on(struct parser *p)
{
   take(p, ",");
   if (!p->failed && p->word[0] == 0) {
      unexpected(p, "\"]\"");
   }
   return !p->failed && !take(p, "]");
}

static uint32_t address_list(struct parser *p, enum ends ends)
{
   ipps_network_list_t list = {0};
   uint32_t size = 0, node = NO_NODE;
   do {
      if (list.net_count == size) {
         size = size > 0 ? 2 * size : 16;
         ipps_network_t *larger =
             size <= MAX_LIST * 2 ? realloc(list.networks, size * sizeof(*larger)) : NULL;
         if (larger == NULL) {
            fail(p, "out of memory for a list of addresses");
            break;
         }
         list.networks = larger;
      }
      ipps_network_t *entry = &list.networks[list.net_count++];
      memset(entry, 0, sizeof(*entry));
      int length = network(p, false, &entry->addr);
      entry->mask = length > 0 ? (uint32_t) length : 0;
   } while (list_goes_on(p));
   ipps_context_t *networks = p->failed ? NULL : ipps_init(&list);
   free(list.networks);
   if (!p->failed && networks == NULL) {
      return fail(p, "out of memory for a list of addresses");
   }
   node = add(p, (struct node){.kind = IS_IN_LIST, .ends = ends, .networks = networks});
   if (node == NO_NODE && networks != NULL) {
      ipps_destroy(networks);
   }
   return node;
}

static uint32_t port_list(struct parser *p, enum ends ends)
{
   uint64_t *ports = calloc(1024, sizeof(*ports));
   if (ports == NULL) {
      return fail(p, "out of memory for a list of ports");
   }
   do {
      uint64_t port = number(p, 65535, false);
      ports[port / 64] |= 1ull << (port % 64);
   } while (list_goes_on(p));
   uint32_t node = add(p, (struct node){.kind = IS_IN_PORTS, .ends = ends, .ports = ports});
   if (node == NO_NODE) {
      free(ports);
   }
   return node;
}

static bool in_list_follows(struct parser *p)
{
   if (!take(p, "in")) {
      return false;
   }
   if (!take(p, "[")) {
      unexpected(p, "\"[\"");
      return false;
   }
   return true;
}

/* Behind "src", "dst" and the like. */
static uint32_t end_term(struct parser *p, enum ends ends)
{
   ip_addr_t ip, mask;
   if (take(p, "ip") || take(p, "host")) {
      if (in_list_follows(p)) {
         return address_list(p, ends);
      }
      if (!p->failed && strchr(p->word, '/') != NULL) {
         return unexpected(p, "an address without a length");
      }
      int length = p->failed ? -1 : network(p, false, &ip);
      mask = length >= 0 ? mask_of(&ip, length) : ip_from_int(0);
      return length >= 0 ? add_network(p, ends, &ip, &mask) : NO_NODE;
   }
   if (take(p, "net")) {
      return net(p, ends);
   }
   if (!take(p, "port")) {
      return unexpected(p, "ip, host, net or port");
   }
   if (in_list_follows(p)) {
      return port_list(p, ends);
   }
   enum comparison c = comparison(p);
   uint64_t port = number(p, 65535, false);
   return add(p, (struct node){.kind = IS_PORT, .ends = ends, .comparison = c, .number = port});
}

static uint32_t protocol(struct parser *p)
{
   static const struct {
      const char *name;
      uint8_t number;
   } names[] = {{"icmp", 1},  {"igmp", 2},  {"ipip", 4},   {"tcp", 6},   {"egp", 8}, {"udp", 17},
                {"ipv6", 41}, {"rsvp", 46}, {"gre", 47},   {"esp", 50},  {"ah", 51}, {"icmp6", 58},
                {"ospf", 89}, {"pim", 103}, {"l2tp", 115}, {"sctp", 132}};
   for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      if (take(p, names[i].name)) {
         return add(p, (struct node){.kind = IS_PROTOCOL, .number = names[i].number});
      }
   }
   char name[WORD];
   for (size_t i = 0; i < WORD; i++) {
      name[i] = (char) tolower((unsigned char) p->word[i]);
   }
   const struct protoent *entry = isalpha((unsigned char) name[0]) ? getprotobyname(name) : NULL;
   if (entry == NULL && !isdigit((unsigned char) name[0])) {
      return unexpected(p, "a protocol, as a name or a number");
   }
   uint64_t n = entry != NULL ? (uint64_t) entry->p_proto : number(p, 255, false);
   if (entry != NULL) {
      advance(p);
   }
   return add(p, (struct node){.kind = IS_PROTOCOL, .number = n});
}

static uint32_t flags(struct parser *p)
{
   static const char letters[] = "FSRPAU"; /* from bit 0 */
   enum comparison c = comparison(p);
   if (!isalpha((unsigned char) p->word[0])) {
      uint64_t n = number(p, 255, false);
      return add(p, (struct node){.kind = IS_FLAGS_NUMBER, .comparison = c, .number = n});
   }
   uint64_t mask = 0;
   for (const char *w = p->word; *w != 0; w++) {
      const char *letter = strchr(letters, toupper((unsigned char) *w));
      bool all = toupper((unsigned char) *w) == 'X';
      if ((letter == NULL && !all) || c != IS_EQUAL) {
         return unexpected(p, "flags, some of the letters UAPRSF or X for all");
      }
      mask |= all ? 0x3f : 1u << (letter - letters);
   }
   advance(p);
   return add(p, (struct node){.kind = IS_FLAGS, .number = mask});
}

static uint32_t counter(struct parser *p, enum kind kind)
{
   enum comparison c = comparison(p);
   uint64_t n = number(p, UINT64_MAX, true);
   return add(p, (struct node){.kind = kind, .comparison = c, .number = n});
}

/* "src or dst port" is the same as "port", "src and dst port" both of them. */
static uint32_t directed(struct parser *p)
{
   bool source = take(p, "src");
   enum ends ends = source ? SOURCE : DESTINATION;
   if (!source) {
      advance(p); /* dst */
   }
   if (is(p, "or") || is(p, "and")) {
      enum ends both = is(p, "and") ? BOTH : EITHER;
      advance(p);
      if (!take(p, source ? "dst" : "src")) {
         return unexpected(p, source ? "dst" : "src");
      }
      ends = both;
   }
   return end_term(p, ends);
}

static uint32_t term(struct parser *p)
{
   if (is(p, "src") || is(p, "dst")) {
      return directed(p);
   }
   if (is(p, "ip") || is(p, "host") || is(p, "net") || is(p, "port")) {
      return end_term(p, EITHER);
   }
   if (take(p, "any")) {
      return add(p, (struct node){.kind = IS_ANY});
   }
   bool ipv4 = is(p, "ipv4") || is(p, "inet");
   if (ipv4 || is(p, "ipv6") || is(p, "inet6")) {
      advance(p);
      return add(p, (struct node){.kind = IS_FAMILY, .ipv4 = ipv4});
   }
   if (take(p, "proto")) {
      return protocol(p);
   }
   if (take(p, "flags")) {
      return flags(p);
   }
   bool in = take(p, "in");
   if (take(p, "packets")) {
      return counter(p, IS_PACKETS);
   }
   if (take(p, "bytes")) {
      return counter(p, IS_BYTES);
   }
   return unexpected(p,
                     in ? "packets or bytes"
                        : "any, ipv4, ipv6, proto, ip, host, net, port, flags, packets, bytes, not or \"(\"");
}

static uint32_t disjunction(struct parser *p);

static uint32_t negation(struct parser *p, uint32_t operand)
{
   if (operand == NO_NODE) {
      return NO_NODE;
   }
   struct node *n = &p->f->nodes[operand];
   if (n->kind == IS_FLAGS) { /* as nfdump: none of them, so that "flags S and not flags AFRPU" is S alone */
      n->none = !n->none;
      return operand;
   }
   return add(p, (struct node){.kind = IS_NOT, .left = operand});
}

static uint32_t factor(struct parser *p)
{
   uint32_t node;
   if (++p->depth > NF_FILTER_MAX_DEPTH) {
      return fail(p, "more than %d brackets and not inside each other", NF_FILTER_MAX_DEPTH);
   }
   if (take(p, "not") || take(p, "!")) {
      node = negation(p, factor(p));
   } else if (take(p, "(")) {
      node = disjunction(p);
      if (!p->failed && !take(p, ")")) {
         node = unexpected(p, "\")\", and or or");
      }
   } else {
      node = term(p);
   }
   p->depth--;
   return node;
}

/* Operands between a word or its sign, as a list: a long one needs no deep recursion. */
static uint32_t chain(struct parser *p, enum kind kind, const char *word, const char *sign,
                      uint32_t (*operand)(struct parser *))
{
   uint32_t first = operand(p), last = first;
   if (p->failed || (!is(p, word) && !is(p, sign))) {
      return first;
   }
   while (take(p, word) || take(p, sign)) {
      uint32_t next = operand(p);
      if (p->failed) {
         return NO_NODE;
      }
      p->f->nodes[last].next = next;
      last = next;
   }
   return add(p, (struct node){.kind = kind, .left = first});
}

static uint32_t conjunction(struct parser *p)
{
   return chain(p, IS_AND, "and", "&&", factor);
}

static uint32_t disjunction(struct parser *p)
{
   return chain(p, IS_OR, "or", "||", conjunction);
}

nf_filter_t *nf_filter_parse(const char *text, char error[NF_FILTER_ERROR])
{
   struct parser p = {.f = calloc(1, sizeof(*p.f)), .next = text, .error = error};
   error[0] = 0;
   if (p.f == NULL) {
      fail(&p, "out of memory");
      return NULL;
   }
   if (strlen(text) > NF_FILTER_MAX_TEXT) {
      fail(&p, "the filter is longer than %u bytes", NF_FILTER_MAX_TEXT);
   } else {
      advance(&p);
      p.f->root = p.word[0] == 0 && !p.failed ? add(&p, (struct node){.kind = IS_ANY}) : disjunction(&p);
      if (!p.failed && p.word[0] != 0) {
         unexpected(&p, "and, or or the end");
      }
   }
   if (p.failed) {
      nf_filter_free(p.f);
      return NULL;
   }
   return p.f;
}
