/* SPDX-License-Identifier: BSD-3-Clause */
#include "plugin_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGN(n)    (((n) + 15) / 16 * 16)
#define LEAST_SLOTS 64 /* of a pool, with the smallest limit */

void *memory_reserve(size_t size, bool populate)
{
   void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
   if (p == MAP_FAILED) {
      return NULL;
   }
   madvise(p, size, MADV_HUGEPAGE);
   if (populate && madvise(p, size, MADV_POPULATE_WRITE) != 0 && errno == ENOMEM) {
      munmap(p, size);
      return NULL;
   }
   return p;
}

void *memory_reserve_sparse(size_t size)
{
   void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
   return p != MAP_FAILED ? p : NULL;
}

void memory_zero(void *p, size_t size)
{
   if (madvise(p, size, MADV_DONTNEED) != 0) { /* pages that are locked in memory cannot be given back */
      memset(p, 0, size);
   }
}

void memory_release(void *p, size_t size)
{
   if (p != NULL) {
      munmap(p, size);
   }
}

/* Of one flow, in the pools of a plugin. */
static size_t slot_size(const struct flow_plugin *p)
{
   return (p->lazy ? ALIGN(p->ext_size) : 0) + ALIGN(p->more_size);
}

/* Slot 0 is never used. */
static size_t pool_size(const struct plugin_pool *pool)
{
   return ((size_t) pool->slots + 1) * pool->size;
}

/* Plugins that are looked at by every packet first; small ones share a cache line. \return the row's size */
static size_t lay_out(const struct flow_plugin *const *plugins, unsigned n, size_t offset[MAX_PLUGINS])
{
   size_t size = sizeof(struct plugin_row);
   for (unsigned i = 0; i < n; i++) {
      if (plugins[i]->lazy) {
         offset[i] = size;
         size += sizeof(uint32_t);
      }
   }
   for (unsigned small = 0; small < 2; small++) {
      for (unsigned i = 0; i < n; i++) {
         size_t bytes = plugins[i]->ext_size;
         if (!plugins[i]->lazy && (bytes < sizeof(uint64_t)) == (small == 0)) {
            size_t align = bytes < sizeof(uint64_t) ? sizeof(uint32_t) : sizeof(uint64_t);
            size = (size + align - 1) / align * align;
            offset[i] = size;
            size += bytes;
         }
      }
   }
   return n > 0 ? ALIGN(size) : 0;
}

void plugin_memory_sizes(const struct flow_plugin *const *plugins, unsigned n, uint32_t capacity,
                         uint64_t *most, uint64_t *least)
{
   size_t offset[MAX_PLUGINS], slots = 0, fixed = lay_out(plugins, n, offset) * capacity;
   for (unsigned i = 0; i < n; i++) {
      slots += slot_size(plugins[i]);
      fixed += plugins[i]->shared_size + slot_size(plugins[i]);
   }
   uint32_t few = capacity < LEAST_SLOTS ? capacity + 1 : LEAST_SLOTS;
   *most = fixed + (uint64_t) slots * (capacity + 1);
   *least = fixed + (uint64_t) slots * few;
}

/* How many slots each pool may have, the spare one included. */
static uint32_t share(const struct plugin_memory *m, uint64_t limit)
{
   uint64_t most, least, slots = 0;
   plugin_memory_sizes(m->plugins, m->n, m->capacity, &most, &least);
   for (unsigned i = 0; i < m->n; i++) {
      slots += slot_size(m->plugins[i]);
   }
   if (limit == 0 || limit >= most) {
      return m->capacity + 1;
   }
   return m->capacity + 1 - (uint32_t) ((most - limit + slots - 1) / slots);
}

static bool open_pool(struct plugin_memory *m, struct plugin_pool *pool, size_t size, uint32_t slots,
                      bool lazy, bool populate)
{
   if (size == 0) {
      return true;
   }
   pool->size = ALIGN(size);
   pool->slots = slots;
   pool->lazy = lazy;
   pool->exceeded = &m->exceeded;
   pool->bytes = memory_reserve(pool_size(pool), populate);
   m->bytes += pool_size(pool);
   return pool->bytes != NULL;
}

bool plugin_memory_open(struct plugin_memory *m, const struct flow_plugin *const *plugins, unsigned n,
                        uint32_t capacity, uint64_t limit, bool populate)
{
   uint64_t most;
   *m = (struct plugin_memory){.plugins = plugins, .n = n, .capacity = capacity};
   m->row_size = lay_out(plugins, n, m->offset);
   plugin_memory_sizes(plugins, n, capacity, &most, &m->needed);
   if (limit != 0 && limit < m->needed) {
      return false;
   }
   uint32_t slots = share(m, limit);
   bool good = true;
   for (unsigned i = 0; i < n; i++) {
      m->lazy |= plugins[i]->lazy ? PLUGIN_SET(i) : 0;
      m->growing |= plugins[i]->more_size > 0 ? PLUGIN_SET(i) : 0;
      m->special |= plugins[i]->more_size + plugins[i]->shared_size > 0 ? PLUGIN_SET(i) : 0;
      m->clear[i] = plugins[i]->clear_size != 0 ? plugins[i]->clear_size : plugins[i]->ext_size;
      if (plugins[i]->shared_size > 0) {
         m->shared[i] = memory_reserve(plugins[i]->shared_size, populate);
         m->bytes += plugins[i]->shared_size;
         good = good && m->shared[i] != NULL;
         if (m->shared[i] != NULL && plugins[i]->open_shared != NULL) {
            plugins[i]->open_shared(m->shared[i]);
         }
      }
      const struct flow_plugin *p = plugins[i];
      good = open_pool(m, &m->pools[i], p->lazy ? p->ext_size : 0, slots, true, populate) && good;
      good = open_pool(m, &m->more[i], p->more_size, slots, false, populate) && good;
   }
   if (m->row_size > 0) {
      m->rows = memory_reserve(capacity * m->row_size, populate);
      m->bytes += capacity * m->row_size;
      good = good && m->rows != NULL;
   }
   plugin_memory_reset(m);
   return good;
}

void plugin_memory_close(struct plugin_memory *m)
{
   for (unsigned i = 0; i < m->n; i++) {
      if (m->shared[i] != NULL && m->plugins[i]->close_shared != NULL) {
         m->plugins[i]->close_shared(m->shared[i]);
      }
      memory_release(m->shared[i], m->plugins[i]->shared_size);
      memory_release(m->pools[i].bytes, pool_size(&m->pools[i]));
      memory_release(m->more[i].bytes, pool_size(&m->more[i]));
   }
   memory_release(m->rows, m->capacity * m->row_size);
}

void plugin_memory_reset(struct plugin_memory *m)
{
   for (unsigned i = 0; i < m->n; i++) {
      m->pools[i].free = 0;
      m->pools[i].ready = (m->lazy >> i & 1) != 0;
      m->pools[i].used = m->pools[i].ready;
      m->more[i].free = m->more[i].used = 0;
   }
}

/* Free slots hold the number of the next one. \return 0: there is none */
static uint32_t take(struct plugin_pool *pool)
{
   uint32_t slot = pool->free;
   if (slot != 0) {
      memcpy(&pool->free, pool->bytes + (size_t) slot * pool->size, sizeof(pool->free));
      return slot;
   }
   return pool->used < pool->slots ? ++pool->used : 0;
}

void plugin_pool_next(struct plugin_pool *pool)
{
   pool->ready = take(pool);
}

void plugin_pool_give(struct plugin_pool *pool, uint32_t slot)
{
   if (pool->ready == 0 && pool->lazy) {
      pool->ready = slot;
      return;
   }
   memcpy(pool->bytes + (size_t) slot * pool->size, &pool->free, sizeof(pool->free));
   pool->free = slot;
}

void *plugin_grow(struct plugin_more *more)
{
   if (more->slot == 0) {
      more->slot = take(more->pool);
      *more->pool->exceeded += more->slot == 0;
   }
   return more->slot != 0 ? more->pool->bytes + (size_t) more->slot * more->pool->size : NULL;
}

const void *plugin_grown(const struct plugin_more *more)
{
   return more->slot != 0 ? more->pool->bytes + (size_t) more->slot * more->pool->size : NULL;
}
