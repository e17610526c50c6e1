/* SPDX-License-Identifier: BSD-3-Clause */
#include "plugin_memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGN(n) (((n) + 15) / 16 * 16)

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

static size_t pool_size(const struct plugin_memory *m, unsigned i)
{
   /* Slot 0 is never used; one spare slot is always ready. */
   return ((size_t) m->capacity + 2) * m->pools[i].size;
}

/* Slots first, so that whether lazy plugins keep something of a flow is in one place. */
static void lay_out(struct plugin_memory *m)
{
   for (unsigned i = 0; i < m->n; i++) {
      if (m->plugins[i]->lazy) {
         m->any_lazy = true;
         m->offset[i] = m->row_size;
         m->row_size += sizeof(uint32_t);
      }
   }
   m->row_size = ALIGN(m->row_size);
   for (unsigned i = 0; i < m->n; i++) {
      if (!m->plugins[i]->lazy) {
         m->offset[i] = m->row_size;
         m->row_size += ALIGN(m->plugins[i]->ext_size);
      }
   }
}

bool plugin_memory_open(struct plugin_memory *m, const struct flow_plugin *const *plugins, unsigned n,
                        uint32_t capacity, bool populate)
{
   *m = (struct plugin_memory){.plugins = plugins, .n = n, .capacity = capacity};
   lay_out(m);
   bool good = true;
   for (unsigned i = 0; i < n; i++) {
      if (plugins[i]->shared_size > 0) {
         m->shared[i] = memory_reserve(plugins[i]->shared_size, populate);
         m->bytes += plugins[i]->shared_size;
         good = good && m->shared[i] != NULL;
         if (m->shared[i] != NULL && plugins[i]->open_shared != NULL) {
            plugins[i]->open_shared(m->shared[i]);
         }
      }
      if (plugins[i]->lazy) {
         m->pools[i].size = ALIGN(plugins[i]->ext_size);
         m->pools[i].bytes = memory_reserve(pool_size(m, i), populate);
         m->bytes += pool_size(m, i);
         good = good && m->pools[i].bytes != NULL;
      }
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
      memory_release(m->pools[i].bytes, pool_size(m, i));
   }
   memory_release(m->rows, m->capacity * m->row_size);
}

void plugin_memory_reset(struct plugin_memory *m)
{
   for (unsigned i = 0; i < m->n; i++) {
      m->pools[i].used = m->pools[i].ready = 1;
      m->pools[i].free = 0;
   }
}

/* Free slots hold the number of the next one. */
void plugin_pool_next(struct plugin_pool *pool)
{
   pool->ready = pool->free;
   if (pool->free != 0) {
      memcpy(&pool->free, pool->bytes + (size_t) pool->free * pool->size, sizeof(pool->free));
   } else {
      pool->ready = ++pool->used;
   }
}

void plugin_pool_give(struct plugin_pool *pool, uint32_t slot)
{
   memcpy(pool->bytes + (size_t) slot * pool->size, &pool->free, sizeof(pool->free));
   pool->free = slot;
}
