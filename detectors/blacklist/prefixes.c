/* SPDX-License-Identifier: BSD-3-Clause */
/** Networks of lists: sorted ranges behind a bitmap of blocks. */
#include "prefixes.h"

#include <endian.h>
#include <nemea-common/nc_hash.h>
#include <stdlib.h>
#include <string.h>

#define FILTER_MIN_BITS 16
#define FILTER_MAX_BITS 24
#define V6_FILTER_BITS  48 /* bits of an IPv6 address that the filter looks at, at most */
#define V6_FILTER_MAX   30 /* log2 of the bits of its bitmap */

__extension__ typedef unsigned __int128 address_t; /* of IPv4: the low 32 bits */

/* A network as it was added. */
struct network {
   address_t first;
   uint64_t lists;
   uint32_t order; /* of the entry, in which ports and identifiers are joined */
   uint32_t ports, n_ports;
   uint32_t id, id_length;
   uint8_t length;
};

/* What holds for a range. */
struct value {
   uint64_t lists;          /* on all ports, of this network and those around it */
   uint32_t ports, n_ports; /* of this network */
   uint32_t ids;            /* 0: none */
   uint32_t around;         /* next network around it that has ports; 0: none */
};

/* One address family. */
struct family {
   struct network *networks; /* until bl_prefixes_finish() */
   size_t n, room;
   unsigned bits; /* of an address */

   struct value *values; /* 0: nothing is listed */
   size_t n_values;
   void *starts; /* uint32_t[] of IPv4, address_t[] of IPv6 */
   uint32_t *at; /* value of each range */
   uint32_t n_ranges;
   uint32_t *index; /* IPv4, by the upper 16 bits: ranges that begin before */
   uint64_t *filter;
   unsigned filter_bits;  /* IPv4: upper bits of an address; IPv6: of the hash */
   unsigned filter_shift; /* IPv6: bits of the upper half of an address that do not count */
};

struct bl_prefixes {
   struct family v4, v6;
   struct bl_port *ports;
   size_t n_ports, room_ports;
   char *text; /* identifiers */
   size_t n_text, room_text;
   size_t count4, count6;
};

/* Makes room for n more elements. */
static bool grow(void **array, size_t used, size_t *room, size_t n, size_t size)
{
   if (used + n <= *room) {
      return true;
   }
   size_t wanted = *room < 64 ? 64 : *room + *room / 2;
   wanted = wanted < used + n ? used + n : wanted;
   void *more = wanted <= SIZE_MAX / size ? realloc(*array, wanted * size) : NULL;
   if (more == NULL) {
      return false;
   }
   *array = more;
   *room = wanted;
   return true;
}

static inline address_t address(const ip_addr_t *ip)
{
   uint64_t high, low;
   memcpy(&high, ip, sizeof(high));
   memcpy(&low, (const char *) ip + 8, sizeof(low));
   return (address_t) be64toh(high) << 64 | be64toh(low);
}

/* The bytes of a record may have any alignment. */
static inline bool is_v4(const ip_addr_t *ip, uint32_t *v4)
{
   uint64_t high;
   uint32_t low[2];
   memcpy(&high, ip, sizeof(high));
   memcpy(low, (const char *) ip + 8, sizeof(low));
   *v4 = be32toh(low[0]);
   return high == 0 && low[1] == UINT32_MAX;
}

struct bl_prefixes *bl_prefixes_new(void)
{
   struct bl_prefixes *p = calloc(1, sizeof(*p));
   if (p != NULL) {
      p->v4.bits = 32;
      p->v6.bits = 128;
      p->n_text = 1; /* 0 is no identifier */
      if (!grow((void **) &p->text, 0, &p->room_text, 1, 1)) {
         free(p);
         return NULL;
      }
      p->text[0] = 0;
   }
   return p;
}

static void family_free(struct family *f)
{
   free(f->networks);
   free(f->values);
   free(f->starts);
   free(f->at);
   free(f->index);
   free(f->filter);
}

void bl_prefixes_free(struct bl_prefixes *p)
{
   if (p != NULL) {
      family_free(&p->v4);
      family_free(&p->v6);
      free(p->ports);
      free(p->text);
      free(p);
   }
}

static address_t host_mask(const struct family *f, unsigned length)
{
   unsigned host = f->bits - length;
   return host == 0 ? 0 : host >= 128 ? ~(address_t) 0 : ((address_t) 1 << host) - 1;
}

bool bl_prefixes_add(struct bl_prefixes *p, const ip_addr_t *ip, unsigned length, uint64_t lists,
                     const struct bl_port *ports, size_t n, const char *id, size_t id_length)
{
   uint32_t v4;
   bool four = is_v4(ip, &v4);
   struct family *f = four ? &p->v4 : &p->v6;
   if (f->n >= BL_MAX_ENTRIES || p->n_ports + n > UINT32_MAX / 2 || p->n_text + id_length > UINT32_MAX / 2 ||
       !grow((void **) &f->networks, f->n, &f->room, 1, sizeof(*f->networks)) ||
       !grow((void **) &p->ports, p->n_ports, &p->room_ports, n, sizeof(*p->ports)) ||
       !grow((void **) &p->text, p->n_text, &p->room_text, id_length, 1)) {
      return false;
   }
   length = length > f->bits ? f->bits : length;
   struct network *to = &f->networks[f->n];
   *to = (struct network){.first = (four ? v4 : address(ip)) & ~host_mask(f, length),
                          .lists = lists,
                          .order = (uint32_t) f->n,
                          .ports = (uint32_t) p->n_ports,
                          .n_ports = (uint32_t) n,
                          .id = (uint32_t) p->n_text,
                          .id_length = id != NULL ? (uint32_t) id_length : 0,
                          .length = (uint8_t) length};
   f->n++;
   if (n > 0) {
      memcpy(&p->ports[p->n_ports], ports, n * sizeof(*ports));
      p->n_ports += n;
   }
   if (to->id_length > 0) {
      memcpy(&p->text[p->n_text], id, id_length);
      p->n_text += id_length;
   }
   return true;
}

/* ------------------------------------------------------------------ finishing */

static int compare_networks(const void *one, const void *two)
{
   const struct network *a = one, *b = two;
   if (a->first != b->first) {
      return a->first < b->first ? -1 : 1;
   }
   if (a->length != b->length) {
      return a->length < b->length ? -1 : 1;
   }
   return a->order < b->order ? -1 : 1;
}

static int compare_ports(const void *one, const void *two)
{
   const struct bl_port *a = one, *b = two;
   return a->port < b->port ? -1 : a->port > b->port;
}

/* Puts the ports of n equal networks together, sorted, each once, without the lists that hold all ports. */
static bool join_ports(struct bl_prefixes *p, const struct network *same, size_t n, struct value *v)
{
   size_t total = 0, used = 0;
   for (size_t i = 0; i < n; i++) {
      total += same[i].n_ports;
   }
   if (total == 0) {
      return true;
   }
   if (p->n_ports + total > UINT32_MAX ||
       !grow((void **) &p->ports, p->n_ports, &p->room_ports, total, sizeof(*p->ports))) {
      return false;
   }
   struct bl_port *to = &p->ports[p->n_ports];
   for (size_t i = 0; i < n; i++) {
      for (uint32_t k = 0; k < same[i].n_ports; k++) {
         struct bl_port port = p->ports[same[i].ports + k];
         port.lists &= ~v->lists;
         if (port.lists != 0) {
            to[used++] = port;
         }
      }
   }
   qsort(to, used, sizeof(*to), compare_ports);
   size_t kept = 0;
   for (size_t i = 0; i < used; i++) {
      if (kept > 0 && to[kept - 1].port == to[i].port) {
         to[kept - 1].lists |= to[i].lists;
      } else {
         to[kept++] = to[i];
      }
   }
   v->ports = (uint32_t) p->n_ports;
   v->n_ports = (uint32_t) kept;
   p->n_ports += kept;
   return true;
}

/* The identifiers of n equal networks and of those around them as one text. */
static bool join_ids(struct bl_prefixes *p, const struct network *same, size_t n, uint32_t around,
                     struct value *v)
{
   char ids[BL_IDS_MAX + 1];
   size_t used = around != 0 ? strlen(&p->text[around]) : 0;
   bool own = false;
   if (used > 0) {
      memcpy(ids, &p->text[around], used);
   }
   for (size_t i = 0; i < n; i++) {
      size_t length = same[i].id_length;
      if (length > 0 && used + length + 1 <= BL_IDS_MAX) {
         if (used > 0) {
            ids[used++] = ',';
         }
         memcpy(ids + used, &p->text[same[i].id], length);
         used += length;
         own = true;
      }
   }
   v->ids = around;
   if (!own) {
      return true;
   }
   ids[used] = 0;
   if (p->n_text + used + 1 > UINT32_MAX ||
       !grow((void **) &p->text, p->n_text, &p->room_text, used + 1, 1)) {
      return false;
   }
   memcpy(&p->text[p->n_text], ids, used + 1);
   v->ids = (uint32_t) p->n_text;
   p->n_text += used + 1;
   return true;
}

static void put_range(struct family *f, address_t start, uint32_t value)
{
   uint32_t n = f->n_ranges;
   address_t before = n == 0          ? 0
                      : f->bits == 32 ? ((uint32_t *) f->starts)[n - 1]
                                      : ((address_t *) f->starts)[n - 1];
   if (n > 0 && before == start) {
      n--; /* the outer network begins where the inner one does */
   }
   if (f->bits == 32) {
      ((uint32_t *) f->starts)[n] = (uint32_t) start;
   } else {
      ((address_t *) f->starts)[n] = start;
   }
   f->at[n] = value;
   f->n_ranges = n + 1;
}

struct open_network {
   address_t last;
   uint32_t value;
};

/* Ends the innermost network that is open: behind it goes on what is around it. */
static void close_network(struct family *f, const struct open_network *open, unsigned depth)
{
   address_t last = open[depth].last, end = host_mask(f, 0);
   if (last != end) {
      put_range(f, last + 1, depth > 0 ? open[depth - 1].value : 0);
   }
}

/* Cuts the sorted networks into ranges. */
static bool make_ranges(struct bl_prefixes *p, struct family *f)
{
   struct open_network open[130];
   unsigned depth = 0;
   put_range(f, 0, 0);
   for (size_t i = 0, n; i < f->n; i += n) {
      const struct network *net = &f->networks[i];
      for (n = 1; i + n < f->n && net[n].first == net->first && net[n].length == net->length; n++) {
      }
      while (depth > 0 && open[depth - 1].last < net->first) {
         depth--;
         close_network(f, open, depth);
      }
      uint32_t outer = depth > 0 ? open[depth - 1].value : 0;
      struct value *v = &f->values[f->n_values];
      v->lists = f->values[outer].lists;
      v->around = f->values[outer].n_ports > 0 ? outer : f->values[outer].around;
      for (size_t k = 0; k < n; k++) {
         v->lists |= net[k].lists;
      }
      if (!join_ports(p, net, n, v) || !join_ids(p, net, n, f->values[outer].ids, v)) {
         return false;
      }
      open[depth++] = (struct open_network){net->first | host_mask(f, net->length), (uint32_t) f->n_values};
      put_range(f, net->first, (uint32_t) f->n_values++);
   }
   while (depth > 0) {
      depth--;
      close_network(f, open, depth);
   }
   return true;
}

static unsigned log2_of(size_t n)
{
   unsigned bits = 0;
   while (n >> bits > 1) {
      bits++;
   }
   return bits;
}

static bool make_filter_v4(struct family *f)
{
   const uint32_t *starts = f->starts;
   unsigned bits = log2_of(f->n_values) + 4;
   bits = bits < FILTER_MIN_BITS ? FILTER_MIN_BITS : bits > FILTER_MAX_BITS ? FILTER_MAX_BITS : bits;
   f->filter_bits = bits;
   f->filter = calloc((size_t) 1 << (bits - 6), sizeof(*f->filter));
   f->index = calloc((1u << 16) + 1, sizeof(*f->index));
   if (f->filter == NULL || f->index == NULL) {
      return false;
   }
   for (uint32_t i = 0; i < f->n_ranges; i++) {
      uint32_t last = i + 1 < f->n_ranges ? starts[i + 1] - 1 : UINT32_MAX;
      for (uint32_t b = starts[i] >> (32 - bits); f->at[i] != 0 && b <= last >> (32 - bits); b++) {
         f->filter[b >> 6] |= UINT64_C(1) << (b & 63);
      }
      f->index[(starts[i] >> 16) + 1]++;
   }
   for (uint32_t i = 1; i <= 1u << 16; i++) {
      f->index[i] += f->index[i - 1];
   }
   return true;
}

static inline size_t v6_place(const struct family *f, uint64_t high)
{
   return nc_hash_u64(high >> f->filter_shift) >> (64 - f->filter_bits);
}

/* Blocks as large as the shortest prefix, so that no network is larger than a block. */
static bool make_filter_v6(struct family *f)
{
   unsigned shortest = V6_FILTER_BITS, bits = log2_of(f->n_values) + 5;
   for (size_t i = 0; i < f->n; i++) {
      shortest = f->networks[i].length < shortest ? f->networks[i].length : shortest;
   }
   f->filter_bits = bits < FILTER_MIN_BITS ? FILTER_MIN_BITS : bits > V6_FILTER_MAX ? V6_FILTER_MAX : bits;
   f->filter_shift = shortest == 0 ? 63 : 64 - shortest;
   f->filter = calloc((size_t) 1 << (f->filter_bits - 6), sizeof(*f->filter));
   if (f->filter == NULL) {
      return false;
   }
   for (size_t i = 0; i < f->n; i++) {
      size_t b = v6_place(f, (uint64_t) (f->networks[i].first >> 64));
      f->filter[b >> 6] |= UINT64_C(1) << (b & 63);
   }
   if (shortest == 0) {
      memset(f->filter, 0xff, (size_t) 8 << (f->filter_bits - 6)); /* all addresses are listed */
   }
   return true;
}

static bool family_finish(struct bl_prefixes *p, struct family *f)
{
   if (f->n == 0) {
      return true;
   }
   size_t start = f->bits == 32 ? sizeof(uint32_t) : sizeof(address_t);
   qsort(f->networks, f->n, sizeof(*f->networks), compare_networks);
   f->values = calloc(f->n + 1, sizeof(*f->values));
   f->starts = malloc((2 * f->n + 1) * start);
   f->at = malloc((2 * f->n + 1) * sizeof(*f->at));
   f->n_values = 1;
   if (f->values == NULL || f->starts == NULL || f->at == NULL || !make_ranges(p, f) ||
       !(f->bits == 32 ? make_filter_v4(f) : make_filter_v6(f))) {
      return false;
   }
   free(f->networks);
   f->networks = NULL;
   return true;
}

bool bl_prefixes_finish(struct bl_prefixes *p)
{
   return family_finish(p, &p->v4) && family_finish(p, &p->v6);
}

size_t bl_prefixes_count(const struct bl_prefixes *p, bool v6)
{
   const struct family *f = v6 ? &p->v6 : &p->v4;
   return f->n_values > 0 ? f->n_values - 1 : 0;
}

/* ------------------------------------------------------------------- searching */

static inline uint32_t find_v4(const struct family *f, uint32_t ip)
{
   uint32_t block = ip >> (32 - f->filter_bits);
   if (!(f->filter[block >> 6] >> (block & 63) & 1)) {
      return 0;
   }
   const uint32_t *starts = f->starts;
   uint32_t low = f->index[ip >> 16], n = f->index[(ip >> 16) + 1] - low;
   while (n > 0) { /* the number of ranges that begin at ip or before */
      uint32_t half = n / 2;
      bool right = starts[low + half] <= ip;
      low = right ? low + half + 1 : low;
      n = right ? n - half - 1 : half;
   }
   return f->at[low - 1];
}

static uint32_t find_v6(const struct family *f, address_t ip)
{
   size_t b = v6_place(f, (uint64_t) (ip >> 64));
   if (!(f->filter[b >> 6] >> (b & 63) & 1)) {
      return 0;
   }
   const address_t *starts = f->starts;
   uint32_t low = 0, n = f->n_ranges;
   while (n > 0) {
      uint32_t half = n / 2;
      bool right = starts[low + half] <= ip;
      low = right ? low + half + 1 : low;
      n = right ? n - half - 1 : half;
   }
   return f->at[low - 1];
}

static uint64_t on_port(const struct bl_prefixes *p, const struct value *v, uint16_t port)
{
   const struct bl_port key = {.port = port},
                        *found = bsearch(&key, &p->ports[v->ports], v->n_ports, sizeof(key), compare_ports);
   return found != NULL ? found->lists : 0;
}

struct bl_hit bl_prefixes_find(const struct bl_prefixes *p, const ip_addr_t *ip, uint16_t port)
{
   struct bl_hit hit = {0};
   uint32_t v4;
   bool four = is_v4(ip, &v4);
   const struct family *f = four ? &p->v4 : &p->v6;
   if (f->n_ranges == 0) {
      return hit;
   }
   uint32_t i = four ? find_v4(f, v4) : find_v6(f, address(ip));
   if (i == 0) {
      return hit;
   }
   const struct value *v = &f->values[i];
   hit.listed = true;
   hit.lists = v->lists;
   hit.ids = v->ids != 0 ? &p->text[v->ids] : NULL;
   for (; i != 0; i = f->values[i].around) {
      v = &f->values[i];
      if (v->n_ports > 0) {
         hit.lists |= on_port(p, v, port);
      }
   }
   return hit;
}
