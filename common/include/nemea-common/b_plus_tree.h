/* SPDX-License-Identifier: BSD-3-Clause */
/** \file b_plus_tree.h
 * Ordered map from keys of fixed size to values of fixed size.
 *
 * Keys are copied. A value stays where it is until its item is deleted, so pointers to values may be kept. Values lie in
 * blocks that are reused after deletions and freed with the tree; nodes are freed as soon as they are empty. The tree has
 * no limit of its own: where outsiders choose the keys, prefer nc_table.h or delete old items.
 * All operations take O(log n). Threads: one tree belongs to one thread. */
#ifndef B_PLUS_TREE_H
#define B_PLUS_TREE_H

#ifdef __cplusplus
extern "C" {
#endif

/* What a comparison returns. */
#ifndef EQUAL
#define EQUAL 0
#endif
#ifndef LESS
#define LESS (-1)
#endif
#ifndef MORE
#define MORE 1
#endif

/** A node; for the library only. */
typedef struct bpt_nd_t {
   void *extend;               /**< children or values */
   unsigned char state_extend; /**< 1: inner node, 2: leaf */
   struct bpt_nd_t *parent;
   void *key; /**< keys, one after the other */
   int count; /**< of keys */
} bpt_nd_t;

typedef struct bpt_t {
   unsigned long count_of_values;
   int m; /**< largest number of children of a node */
   int size_of_value;
   int size_of_key;
   bpt_nd_t *root;
   int (*compare)(void *, void *);
} bpt_t;

/** A place in the tree. */
typedef struct bpt_list_item_t {
   void *value; /**< in the tree */
   void *key;   /**< a copy that belongs to the item */
   bpt_nd_t *leaf;
   unsigned int index_of_value;
} bpt_list_item_t;

/** \param size_of_btree_node most children of a node, 3 or more (less counts as 3); 50 to 100 is fast
 * \param comp below 0, 0 or above 0 as the first key is less, equal or more
 * \param size_of_value bytes, 0 is allowed \param size_of_key bytes, at least 1
 * \return NULL without memory or for impossible sizes */
bpt_t *bpt_init(unsigned int size_of_btree_node, int (*comp)(void *, void *), unsigned int size_of_value,
                unsigned int size_of_key);
/** Frees all, also the tree; NULL is allowed. */
void bpt_clean(bpt_t *btree);
/** \return the zeroed value of a new item; NULL when the key is there or without memory */
void *bpt_insert(bpt_t *btree, void *key);
/** \return the value of the key, zeroed when it is new; NULL without memory */
void *bpt_search_or_insert(bpt_t *btree, void *key);
/** \return the value of the key, or NULL */
void *bpt_search(bpt_t *btree, void *key);
/** \return 1 deleted, 0 not there */
int bpt_item_del(bpt_t *btree, void *key);
/** \return number of items */
unsigned long bpt_item_cnt(bpt_t *btree);

/* A walk through all items in ascending order; nothing else may change the tree meanwhile. */

/** \return an item for a walk, for bpt_list_clean(); NULL without memory */
bpt_list_item_t *bpt_list_init(bpt_t *btree);
/** Frees the item of a walk; NULL is allowed. */
void bpt_list_clean(bpt_list_item_t *item);
/** Goes to the first item. \return 1; 0 when the tree is empty */
int bpt_list_start(bpt_t *btree, bpt_list_item_t *item);
/** Goes to the next item. \return 1; 0 at the end, item is then unchanged */
int bpt_list_item_next(bpt_t *btree, bpt_list_item_t *item);
/** Deletes the item and goes to the next. \return 1; 0 when it was the last, item->value is then NULL */
int bpt_list_item_del(bpt_t *btree, bpt_list_item_t *item);

#ifdef __cplusplus
}
#endif
#endif
