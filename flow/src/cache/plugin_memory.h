/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What plugins keep of the flows in a cache. Each flow has a row, as large as the plugins need that look at every flow; plugins that
 * are lazy keep theirs in slots of a pool, taken when they find something and given back when the flow is over. A pool takes no more
 * memory from the system than the most flows that used it at a time.
 *
 * The memory has a limit. Rows are for all flows; pools share the rest, each with the same number of slots. A flow that takes the
 * last slot of a pool is exported after the packet, so that nothing that was found is lost; such flows are counted.
 */
#ifndef FLOW_PLUGIN_MEMORY_H
#define FLOW_PLUGIN_MEMORY_H

#include "plugin.h"

struct plugin_pool {
   uint8_t *bytes; /* slots are numbered from 1; 0: none */
   size_t size;    /* of a slot */
   uint32_t used, free, slots;
   uint32_t ready;     /* taken for the next flow in which the plugin finds something */
   bool lazy;          /* one slot is always ready */
   uint64_t *exceeded; /* counts flows for which there was no slot */
};

/** The beginning of a row. */
struct plugin_row {
   plugin_set_t active; /* plugins that look at packets of the flow */
   plugin_set_t kept;   /* lazy ones that keep something of it: only their slots' numbers mean anything */
   /* Of a TCP connection's bytes, by direction (streams.h). */
   uint32_t next[2];     /* sequence number that is expected */
   uint16_t buffer[2];   /* number of the buffer + 1; 0: none */
   bool known[2], ended; /* ended: the flow is exported, and takes no buffer any more */
};

struct plugin_memory {
   const struct flow_plugin *const *plugins;
   unsigned n;
   uint32_t capacity; /* flows */
   uint8_t *rows;
   size_t row_size, offset[MAX_PLUGINS]; /* of a lazy plugin: of its slot's number */
   void *shared[MAX_PLUGINS];
   struct plugin_pool pools[MAX_PLUGINS]; /* of plugins that are lazy */
   struct plugin_pool more[MAX_PLUGINS];  /* of plugins that have more_size */
   plugin_set_t lazy, growing;
   plugin_set_t special;      /* whose bytes do not begin with zeroes only */
   size_t clear[MAX_PLUGINS]; /* bytes that are zeroed */
   uint64_t bytes;            /* that all of it may take */
   uint64_t needed;           /* the least limit with which it works */
   uint64_t exceeded; /* flows that were exported early or got fewer data, because a pool had no slot left */
};

/** Zeroed memory that is taken from the system when it is first used, or at once. \return NULL: there is none */
void *memory_reserve(size_t size, bool populate);
/** The same, of which only small parts, here and there, will be used: in small pages. */
void *memory_reserve_sparse(size_t size);
/** All of it is zero again, and given back to the system where that can be done. */
void memory_zero(void *p, size_t size);
void memory_release(void *p, size_t size);

/** limit: bytes, 0: none. \return false without memory, or with a limit below m->needed; plugin_memory_close() must follow all the same */
bool plugin_memory_open(struct plugin_memory *m, const struct flow_plugin *const *plugins, unsigned n,
                        uint32_t capacity, uint64_t limit, bool populate);
void plugin_memory_close(struct plugin_memory *m);
/** Releases the data of all flows. */
void plugin_memory_reset(struct plugin_memory *m);
/** Bytes that these plugins take in the worst case without a limit, and the least with which they work. */
void plugin_memory_sizes(const struct flow_plugin *const *plugins, unsigned n, uint32_t capacity,
                         uint64_t *most, uint64_t *least);

/* For plugin_memory.c and the functions below. */
void plugin_pool_next(struct plugin_pool *pool);
void plugin_pool_give(struct plugin_pool *pool, uint32_t slot);

static inline struct plugin_row *plugin_row(const struct plugin_memory *m, uint32_t flow)
{
   return (struct plugin_row *) (m->rows + (size_t) flow * m->row_size);
}

static inline uint32_t *plugin_slot(const struct plugin_memory *m, uint32_t flow, unsigned i)
{
   return (uint32_t *) (m->rows + (size_t) flow * m->row_size + m->offset[i]);
}

/** Plugin i's bytes of a flow, or NULL: it keeps none. */
static inline void *plugin_kept(const struct plugin_memory *m, uint32_t flow, unsigned i)
{
   if ((m->lazy >> i & 1) == 0) {
      return m->rows + (size_t) flow * m->row_size + m->offset[i];
   }
   bool kept = (plugin_row(m, flow)->kept >> i & 1) != 0;
   return kept ? m->pools[i].bytes + (size_t) *plugin_slot(m, flow, i) * m->pools[i].size : NULL;
}

/** Prefetches the first bytes of what lazy plugins keep of a flow. */
static inline void plugin_fetch_slots(const struct plugin_memory *m, uint32_t flow, size_t bytes)
{
   if (m->lazy == 0) {
      return;
   }
   for (plugin_set_t set = plugin_row(m, flow)->kept; set != 0; set &= set - 1) {
      unsigned i = (unsigned) __builtin_ctzll(set);
      const struct plugin_pool *pool = &m->pools[i];
      const char *slot = (const char *) pool->bytes + (size_t) *plugin_slot(m, flow, i) * pool->size;
      for (size_t at = 0; at < pool->size && at < bytes; at += 64) {
         __builtin_prefetch(slot + at);
      }
   }
}

/** What plugin i, which has more_size, has taken of it for the flow with these bytes. */
static inline struct plugin_more *plugin_more_of(const struct plugin_memory *m, unsigned i, void *ext)
{
   return (struct plugin_more *) (void *) ((uint8_t *) ext +
                                           (m->shared[i] != NULL ? sizeof(m->shared[i]) : 0));
}

/* Gives back what plugin i has taken of its more_size for the flow with these bytes. */
static inline void plugin_shrink(struct plugin_memory *m, unsigned i, void *ext)
{
   struct plugin_more *more = plugin_more_of(m, i, ext);
   if (more->slot != 0) {
      plugin_pool_give(&m->more[i], more->slot);
      more->slot = 0;
   }
}

/* Bytes that nobody uses, for a flow or a message that begins. */
static inline void plugin_prepare(struct plugin_memory *m, unsigned i, void *ext)
{
   memset(ext, 0, m->clear[i]);
   if ((m->special >> i & 1) != 0) {
      if (m->shared[i] != NULL) {
         memcpy(ext, &m->shared[i], sizeof(m->shared[i]));
      }
      if ((m->growing >> i & 1) != 0) {
         plugin_more_of(m, i, ext)->pool = &m->more[i];
      }
   }
}

/** Clears plugin i's bytes for another message. */
static inline void plugin_clear(struct plugin_memory *m, unsigned i, void *ext)
{
   if ((m->growing >> i & 1) != 0) {
      plugin_shrink(m, i, ext);
   }
   plugin_prepare(m, i, ext);
}

/** Plugin i's bytes as they are when a flow begins. A lazy plugin's become the flow's with plugin_keep() only. */
static inline void *plugin_begin(struct plugin_memory *m, uint32_t flow, unsigned i)
{
   const struct plugin_pool *pool = &m->pools[i];
   uint8_t *ext = (m->lazy >> i & 1) != 0 ? pool->bytes + (size_t) pool->ready * pool->size
                                          : m->rows + (size_t) flow * m->row_size + m->offset[i];
   plugin_prepare(m, i, ext);
   return ext;
}

/** What plugin_begin() gave for a lazy plugin is not kept. */
static inline void plugin_drop(struct plugin_memory *m, unsigned i, void *ext)
{
   if ((m->growing >> i & 1) != 0) {
      plugin_shrink(m, i, ext);
   }
}

/** What plugin_begin() gave for a lazy plugin, which keeps nothing of this flow yet, is the flow's from now on.
 * \return false: that was the last slot; the flow must be over before another packet is looked at */
static inline bool plugin_keep(struct plugin_memory *m, uint32_t flow, unsigned i)
{
   struct plugin_pool *pool = &m->pools[i];
   *plugin_slot(m, flow, i) = pool->ready;
   plugin_row(m, flow)->kept |= PLUGIN_SET(i);
   plugin_pool_next(pool);
   m->exceeded += pool->ready == 0;
   return pool->ready != 0;
}

/** A flow begins: lazy plugins keep nothing of it. Its row's slots must have been given back. */
static inline void plugin_row_begin(struct plugin_memory *m, uint32_t flow)
{
   plugin_row(m, flow)->kept = 0;
   for (plugin_set_t set = m->growing & ~m->lazy; set != 0; set &= set - 1) {
      unsigned i = (unsigned) __builtin_ctzll(set);
      plugin_more_of(m, i, m->rows + (size_t) flow * m->row_size + m->offset[i])->slot = 0;
   }
}

/** Gives back the slots of a flow. */
static inline void plugin_row_end(struct plugin_memory *m, uint32_t flow)
{
   if ((m->lazy | m->growing) == 0) {
      return;
   }
   struct plugin_row *row = plugin_row(m, flow);
   plugin_set_t kept = row->kept;
   row->kept = 0;
   for (plugin_set_t set = m->growing & (kept | ~m->lazy); set != 0; set &= set - 1) {
      unsigned i = (unsigned) __builtin_ctzll(set);
      void *ext = plugin_kept(m, flow, i);
      if (ext != NULL) {
         plugin_shrink(m, i, ext);
      }
   }
   for (plugin_set_t set = kept; set != 0; set &= set - 1) {
      unsigned i = (unsigned) __builtin_ctzll(set);
      plugin_pool_give(&m->pools[i], *plugin_slot(m, flow, i));
   }
}

#endif
