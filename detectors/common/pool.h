/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file pool.h
 * What detectors keep of each host, in memory of fixed size: queues of items that share one pool, and lists ordered by use.
 *
 * An item is a struct of the size that pool_open() was given. Blocks of items go from one queue to another through the
 * pool, so that a host with many items takes room from those that have few. Nothing is allocated afterwards.
 */
#ifndef DETECTORS_POOL_H
#define DETECTORS_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------- lists ordered by use */

/** A member of a list; a head is one too. All zero: in no list. */
struct link {
   struct link *prev, *next;
};

static inline void link_head(struct link *head)
{
   head->prev = head->next = head;
}

static inline bool link_is_in(const struct link *link)
{
   return link->next != NULL;
}

static inline void link_remove(struct link *link)
{
   if (link->next != NULL) {
      link->prev->next = link->next;
      link->next->prev = link->prev;
      link->next = link->prev = NULL;
   }
}

/** At the end; it must be in no list. */
static inline void link_append(struct link *head, struct link *link)
{
   link->prev = head->prev;
   link->next = head;
   head->prev->next = link;
   head->prev = link;
}

/* ------------------------------------------------------------------------ queues */

#define POOL_BLOCK 8 /* items */

struct pool {
   char *blocks;
   uint32_t item_size, block_size; /* bytes */
   uint32_t n, next, free;         /* blocks; number 0 is not used */
};

/** Oldest item first. All zero: empty. */
struct queue {
   uint32_t head, tail; /* blocks; 0: none */
   uint16_t first;      /* index of the oldest item in the head block */
   uint16_t end;        /* items used in the tail block */
   uint32_t n;
};

struct queue_cursor {
   uint32_t block;
   uint16_t at;
};

/** \return false: no memory */
static inline bool pool_open(struct pool *pool, uint32_t items, uint32_t item_size)
{
   pool->item_size = item_size;
   pool->block_size = 8 + POOL_BLOCK * item_size; /* the number of the next block, and the items aligned */
   pool->n = items / POOL_BLOCK + 1;
   pool->next = 1;
   pool->free = 0;
   pool->blocks = calloc(pool->n, pool->block_size);
   return pool->blocks != NULL;
}

static inline void pool_close(struct pool *pool)
{
   free(pool->blocks);
   pool->blocks = NULL;
}

static inline uint32_t *pool_next_(const struct pool *pool, uint32_t block)
{
   return (uint32_t *) (void *) (pool->blocks + (size_t) block * pool->block_size);
}

static inline void *pool_item_(const struct pool *pool, uint32_t block, uint32_t i)
{
   return pool->blocks + (size_t) block * pool->block_size + 8 + (size_t) i * pool->item_size;
}

static inline uint32_t pool_take_(struct pool *pool)
{
   uint32_t block = pool->free;
   if (block != 0) {
      pool->free = *pool_next_(pool, block);
   } else if (pool->next < pool->n) {
      block = pool->next++;
   }
   if (block != 0) {
      *pool_next_(pool, block) = 0;
   }
   return block;
}

static inline void pool_give_(struct pool *pool, uint32_t block)
{
   *pool_next_(pool, block) = pool->free;
   pool->free = block;
}

/** Room for a newest item. \return NULL: the pool is empty */
static inline void *queue_push(struct pool *pool, struct queue *q)
{
   if (q->tail == 0 || q->end == POOL_BLOCK) {
      uint32_t block = pool_take_(pool);
      if (block == 0) {
         return NULL;
      }
      if (q->tail != 0) {
         *pool_next_(pool, q->tail) = block;
      } else {
         q->head = block;
         q->first = 0;
      }
      q->tail = block;
      q->end = 0;
   }
   q->n++;
   return pool_item_(pool, q->tail, q->end++);
}

/** The oldest item of a queue that is not empty. */
static inline void *queue_oldest(const struct pool *pool, const struct queue *q)
{
   return pool_item_(pool, q->head, q->first);
}

/** Drops the oldest item of a queue that is not empty. */
static inline void queue_pop(struct pool *pool, struct queue *q)
{
   q->n--;
   q->first++;
   if (q->n == 0 || q->first == POOL_BLOCK) {
      uint32_t next = *pool_next_(pool, q->head);
      pool_give_(pool, q->head);
      q->head = next;
      q->first = 0;
      if (next == 0) {
         q->tail = 0;
         q->end = 0;
      }
   }
}

static inline void queue_clear(struct pool *pool, struct queue *q)
{
   while (q->head != 0) {
      uint32_t next = *pool_next_(pool, q->head);
      pool_give_(pool, q->head);
      q->head = next;
   }
   memset(q, 0, sizeof(*q));
}

static inline struct queue_cursor queue_begin(const struct queue *q)
{
   return (struct queue_cursor){.block = q->head, .at = q->first};
}

/** The next item, oldest first. \return NULL at the end */
static inline void *queue_next(const struct pool *pool, const struct queue *q, struct queue_cursor *c)
{
   if (c->block != 0 && c->at == POOL_BLOCK) {
      c->block = *pool_next_(pool, c->block);
      c->at = 0;
   }
   if (c->block == 0 || (c->block == q->tail && c->at >= q->end)) {
      return NULL;
   }
   return pool_item_(pool, c->block, c->at++);
}

#endif
