/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Finding the networks that contain an address.
 *
 * Networks are either nested or disjoint. They are sorted by their first address, wider ones first, and walked through
 * with a stack of the open ones; an interval ends wherever the stack changes. Addresses are plain numbers here
 * (32 or 128 bits; the family is known from the list), so nothing depends on how an ip_addr_t marks its family.
 */
#include "internal.h"

#include <unirec/ip_prefix_search.h>

__extension__ typedef unsigned __int128 number;

struct net {
   number low, high;
   uint32_t length, index;
};

/* The intervals of one family; lows and highs are separate arrays, since a search reads the lows only. */
struct family {
   bool v4;
   number last; /* the largest address */
   uint32_t n_nets, n, n_pointers;
   struct net *nets;
   number *lows, *highs;
   ipps_interval_t *intervals;
   void **pointers;
};

struct context {
   ipps_context_t shown; /* first: callers hold a pointer to it */
   struct family v4, v6;
   void **copies; /* by index in the list */
   char *memory;  /* of the copies */
};

static number number_from_ip(const ip_addr_t *ip, bool v4)
{
   if (v4) {
      return ip_get_v4_as_int(ip);
   }
   number n = 0;
   for (int i = 0; i < 16; i++) {
      n = n << 8 | ip->bytes[i];
   }
   return n;
}

static ip_addr_t ip_from_number(number n, bool v4)
{
   ip_addr_t ip;
   if (v4) {
      return ip_from_int((uint32_t) n);
   }
   for (int i = 15; i >= 0; i--, n >>= 8) {
      ip.bytes[i] = (uint8_t) n;
   }
   return ip;
}

static int compare_nets(const void *a, const void *b)
{
   const struct net *x = a, *y = b;
   if (x->low != y->low) {
      return x->low < y->low ? -1 : 1;
   }
   if (x->length != y->length) {
      return x->length < y->length ? -1 : 1;
   }
   return x->index < y->index ? -1 : 1;
}

/* State of the walk, which fills in the intervals if there is memory for them, and otherwise only counts them. */
struct walk {
   struct family *f;
   const struct net **open;
   uint32_t depth;
   number at; /* first address that is in no interval yet */
   uint64_t n, n_pointers;
};

static void end_interval(struct walk *w, number high, void **copies)
{
   struct family *f = w->f;
   if (f->intervals != NULL) {
      void **data = f->pointers + w->n_pointers;
      f->lows[w->n] = w->at;
      f->highs[w->n] = high;
      f->intervals[w->n] = (ipps_interval_t){ip_from_number(w->at, f->v4), ip_from_number(high, f->v4),
                                             w->depth, w->depth, data};
      for (uint32_t i = 0; i < w->depth; i++) {
         data[i] = copies[w->open[i]->index];
      }
   }
   w->n++;
   w->n_pointers += w->depth;
}

/* Closes the networks that end before limit; all of them when there is no limit. */
static void close_nets(struct walk *w, const number *limit, void **copies)
{
   while (w->depth > 0 && (limit == NULL || w->open[w->depth - 1]->high < *limit)) {
      number high = w->open[w->depth - 1]->high;
      end_interval(w, high, copies);
      while (w->depth > 0 && w->open[w->depth - 1]->high == high) {
         w->depth--;
      }
      w->at = high + 1; /* used only when a wider network is open, which then goes beyond high */
   }
}

static void walk(struct walk *w, void **copies)
{
   struct family *f = w->f;
   w->depth = 0;
   w->n = w->n_pointers = 0;
   for (uint32_t i = 0; i < f->n_nets; i++) {
      const struct net *net = &f->nets[i];
      close_nets(w, &net->low, copies);
      if (w->depth > 0 && w->at < net->low) {
         end_interval(w, net->low - 1, copies);
      }
      w->open[w->depth++] = net;
      w->at = net->low;
   }
   close_nets(w, NULL, copies);
}

static bool build_family(struct family *f, void **copies)
{
   struct walk w = {.f = f, .open = malloc(((size_t) f->n_nets + 1) * sizeof(*w.open))};
   if (w.open == NULL) {
      return false;
   }
   qsort(f->nets, f->n_nets, sizeof(*f->nets), compare_nets);
   walk(&w, copies);
   bool good = w.n <= UINT32_MAX && w.n_pointers <= UINT32_MAX;
   if (good) {
      f->n = (uint32_t) w.n;
      f->n_pointers = (uint32_t) w.n_pointers;
      f->lows = malloc((w.n + 1) * sizeof(*f->lows));
      f->highs = malloc((w.n + 1) * sizeof(*f->highs));
      f->pointers = malloc((w.n_pointers + 1) * sizeof(*f->pointers));
      f->intervals = malloc((w.n + 1) * sizeof(*f->intervals));
      good = f->lows != NULL && f->highs != NULL && f->pointers != NULL && f->intervals != NULL;
   }
   if (good) {
      walk(&w, copies);
   }
   free(w.open);
   return good;
}

static void free_family(struct family *f)
{
   free(f->nets);
   free(f->lows);
   free(f->highs);
   free(f->pointers);
   free(f->intervals);
}

/* Adds a network of the list. \return false if its prefix is too long */
static bool add_net(struct context *c, ipps_network_t *network, uint32_t index)
{
   bool v4 = ip_is4(&network->addr);
   struct family *f = v4 ? &c->v4 : &c->v6;
   uint32_t bits = v4 ? 32 : 128;
   if (network->mask > bits) {
      char text[INET6_ADDRSTRLEN];
      ip_to_str(&network->addr, text);
      fprintf(stderr, "ipps_init: network %u of the list, %s/%u: expected a prefix of at most %u bits\n",
              index, text, network->mask, bits);
      return false;
   }
   number host = network->mask == 0 ? f->last : ((number) 1 << (bits - network->mask)) - 1;
   number low = number_from_ip(&network->addr, v4) & ~host;
   network->addr = ip_from_number(low, v4);
   f->nets[f->n_nets++] = (struct net){low, low | host, network->mask, index};
   return true;
}

/* One allocation holds the copies of all data, each aligned for any type. */
static bool copy_data(struct context *c, const ipps_network_list_t *list)
{
   size_t total = 0;
   for (uint32_t i = 0; i < list->net_count; i++) {
      size_t room = (list->networks[i].data_len + 16) & ~(size_t) 15;
      if (room < list->networks[i].data_len || total + room < total) {
         return false;
      }
      total += room;
   }
   c->copies = malloc((size_t) list->net_count * sizeof(*c->copies));
   c->memory = malloc(total);
   if (c->copies == NULL || c->memory == NULL) {
      return false;
   }
   char *to = c->memory;
   for (uint32_t i = 0; i < list->net_count; i++) {
      const ipps_network_t *n = &list->networks[i];
      c->copies[i] = to;
      if (n->data != NULL && n->data_len > 0) {
         memcpy(to, n->data, n->data_len);
      }
      to += (n->data_len + 16) & ~(size_t) 15;
   }
   return true;
}

UR_PUBLIC ipps_context_t *ipps_init(ipps_network_list_t *network_list)
{
   if (network_list == NULL || network_list->net_count == 0 || network_list->networks == NULL) {
      fprintf(stderr, "ipps_init: expected a list with at least one network\n");
      return NULL;
   }
   uint32_t n = network_list->net_count;
   struct context *c = calloc(1, sizeof(*c));
   bool good = c != NULL, fits = true;
   if (good) {
      c->v4.v4 = true;
      c->v4.last = UINT32_MAX;
      c->v6.last = ~(number) 0;
      c->v4.nets = malloc(n * sizeof(struct net));
      c->v6.nets = malloc(n * sizeof(struct net));
      good = c->v4.nets != NULL && c->v6.nets != NULL && copy_data(c, network_list);
   }
   for (uint32_t i = 0; good && fits && i < n; i++) {
      fits = add_net(c, &network_list->networks[i], i);
   }
   good = good && fits && build_family(&c->v4, c->copies) && build_family(&c->v6, c->copies);
   if (!good) {
      if (fits) {
         fprintf(stderr, "ipps_init: no memory for a list of %u networks\n", n);
      }
      ipps_destroy((ipps_context_t *) c);
      return NULL;
   }
   c->shown = (ipps_context_t){c->v4.n, c->v6.n, c->v4.intervals, c->v6.intervals};
   return &c->shown;
}

UR_PUBLIC int ipps_search(ip_addr_t *ip, ipps_context_t *context, void ***data)
{
   const struct context *c = (const struct context *) context;
   const struct family *f = ip_is4(ip) ? &c->v4 : &c->v6;
   number n = number_from_ip(ip, f->v4);
   const number *base = f->lows;
   if (f->n == 0) {
      return 0;
   }
   /* The last interval that begins at or before n. The loop compiles to conditional moves. */
   for (uint32_t left = f->n; left > 1;) {
      uint32_t half = left / 2;
      base = base[half] <= n ? base + half : base;
      left -= half;
   }
   size_t at = (size_t) (base - f->lows);
   if (n < f->lows[at] || n > f->highs[at]) {
      return 0;
   }
   *data = f->intervals[at].data_array;
   return (int) f->intervals[at].data_cnt;
}

UR_PUBLIC int ipps_destroy(ipps_context_t *context)
{
   struct context *c = (struct context *) context;
   if (c == NULL) {
      return 1;
   }
   free_family(&c->v4);
   free_family(&c->v6);
   free(c->copies);
   free(c->memory);
   free(c);
   return 0;
}
