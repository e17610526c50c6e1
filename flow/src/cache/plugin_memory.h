/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * What plugins keep of the flows in a cache. Each flow has a row, as large as the plugins need that look at every flow; plugins that
 * are lazy keep theirs in slots of a pool, taken when they find something and given back when the flow is over. A
 * pool has room for every flow, and takes no more memory from the system than the most flows that used it at a time.
 */
#ifndef FLOW_PLUGIN_MEMORY_H
#define FLOW_PLUGIN_MEMORY_H

#include "plugin.h"

struct plugin_pool {
   uint8_t *bytes; /* slots are numbered from 1; 0: none */
   size_t size;    /* of a slot */
   uint32_t used, free;
   uint32_t ready; /* taken for the next flow in which the plugin finds something */
};

struct plugin_memory {
   const struct flow_plugin *const *plugins;
   unsigned n;
   uint32_t capacity; /* flows */
   uint8_t *rows;
   size_t row_size, offset[MAX_PLUGINS]; /* of a lazy plugin: of its slot's number */
   bool any_lazy;
   void *shared[MAX_PLUGINS];
   struct plugin_pool pools[MAX_PLUGINS]; /* of lazy plugins */
   uint64_t bytes;                        /* that all of it may take */
};

/** Zeroed memory that is taken from the system when it is first used, or at once. \return NULL: there is none */
void *memory_reserve(size_t size, bool populate);
/** All of it is zero again, and given back to the system where that can be done. */
void memory_zero(void *p, size_t size);
void memory_release(void *p, size_t size);

/** \return false without memory; plugin_memory_close() must follow all the same */
bool plugin_memory_open(struct plugin_memory *m, const struct flow_plugin *const *plugins, unsigned n,
                        uint32_t capacity, bool populate);
void plugin_memory_close(struct plugin_memory *m);
/** Releases the data of all flows. */
void plugin_memory_reset(struct plugin_memory *m);

/* For plugin_memory.c and the functions below. */
void plugin_pool_next(struct plugin_pool *pool);
void plugin_pool_give(struct plugin_pool *pool, uint32_t slot);

static inline uint32_t *plugin_slot(const struct plugin_memory *m, uint32_t flow, unsigned i)
{
   return (uint32_t *) (m->rows + (size_t) flow * m->row_size + m->offset[i]);
}

/** Plugin i's bytes of a flow, or NULL: it keeps none. */
static inline void *plugin_kept(const struct plugin_memory *m, uint32_t flow, unsigned i)
{
   if (!m->plugins[i]->lazy) {
      return m->rows + (size_t) flow * m->row_size + m->offset[i];
   }
   uint32_t slot = *plugin_slot(m, flow, i);
   return slot != 0 ? m->pools[i].bytes + (size_t) slot * m->pools[i].size : NULL;
}

/** Plugin i's bytes as they are when a flow begins. A lazy plugin's become the flow's with plugin_keep() only. */
static inline void *plugin_begin(const struct plugin_memory *m, uint32_t flow, unsigned i)
{
   const struct flow_plugin *p = m->plugins[i];
   const struct plugin_pool *pool = &m->pools[i];
   uint8_t *ext = p->lazy ? pool->bytes + (size_t) pool->ready * pool->size
                          : m->rows + (size_t) flow * m->row_size + m->offset[i];
   memset(ext, 0, p->clear_size != 0 ? p->clear_size : p->ext_size);
   if (m->shared[i] != NULL) {
      memcpy(ext, &m->shared[i], sizeof(m->shared[i]));
   }
   return ext;
}

/** What plugin_begin() gave for a lazy plugin, which keeps nothing of this flow yet, is the flow's from now on. */
static inline void plugin_keep(struct plugin_memory *m, uint32_t flow, unsigned i)
{
   *plugin_slot(m, flow, i) = m->pools[i].ready;
   plugin_pool_next(&m->pools[i]);
}

/** A flow begins: lazy plugins keep nothing of it. Its row's slots must have been given back. */
static inline void plugin_row_begin(struct plugin_memory *m, uint32_t flow)
{
   for (unsigned i = 0; m->any_lazy && i < m->n; i++) {
      if (m->plugins[i]->lazy) {
         *plugin_slot(m, flow, i) = 0;
      }
   }
}

/** Gives back the slots of a flow. */
static inline void plugin_row_end(struct plugin_memory *m, uint32_t flow)
{
   for (unsigned i = 0; m->any_lazy && i < m->n; i++) {
      uint32_t *slot = m->plugins[i]->lazy ? plugin_slot(m, flow, i) : NULL;
      if (slot != NULL && *slot != 0) {
         plugin_pool_give(&m->pools[i], *slot);
         *slot = 0;
      }
   }
}

#endif
