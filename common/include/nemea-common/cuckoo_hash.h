/* SPDX-License-Identifier: BSD-3-Clause */
/** \file cuckoo_hash.h
 * Cuckoo hash table, first version: three possible places for an item, which may displace others.
 *
 * A second insertion of a key stores a second item: ask ht_get() first. The hash has the random key of the process
 * (nc_hash.h). Threads: one table belongs to one thread. */
#ifndef CUCKOO_HASH_H
#define CUCKOO_HASH_H

#ifdef __cplusplus
extern "C" {
#endif

#define REHASH_FAILURE (-1)
#define NOT_FOUND      (-1)
#define INSERT_FAILURE (-2)
#define REHASH_ENABLE  1
#define REHASH_DISABLE 0

/** A slot; key is NULL if it is free. The data follow the key in the same allocation. */
typedef struct cc_item {
   char *key;
   unsigned int key_length;
   void *data;
} cc_item_t;

typedef struct cc_hash_table {
   cc_item_t *table;
   unsigned int data_size;  /**< bytes */
   unsigned int table_size; /**< places */
   unsigned int key_length; /**< bytes, 0: each item's own */
   unsigned int rehash;     /**< REHASH_ENABLE: the table doubles when an item finds no place */
   unsigned int item_count;
} cc_hash_table_t;

/** Prepares a table of the caller's. \param table_size places, at least 1 \param key_length 0 for keys of any length
 * \return 0; -1 without memory or for no places */
int ht_init(cc_hash_table_t *new_table, unsigned int table_size, unsigned int data_size,
            unsigned int key_length, int rehash);
/** Stores copies of key and data. \return 0 stored; 20 stored, but after 15 displacements without rehashing the last
 * displaced item is lost; INSERT_FAILURE no memory, nothing is changed */
int ht_insert(cc_hash_table_t *ht, char *key, const void *new_data, unsigned int key_length);
/** \return 1 empty, else 0 */
int ht_is_empty(cc_hash_table_t *ht);
/** \return data of the key, NULL when it is not there; good until the item leaves */
void *ht_get(cc_hash_table_t *ht, char *key, unsigned int key_length);
/** \return place of the key, NOT_FOUND */
int ht_get_index(cc_hash_table_t *ht, char *key, unsigned int key_length);
/** Removes the item of the key, if it is there. */
void ht_remove_by_key(cc_hash_table_t *ht, char *key, unsigned int key_length);
/** Removes the item at a place that ht_get_index() gave. */
void ht_remove_by_index(cc_hash_table_t *ht, unsigned int index);
/** Removes all items. */
void ht_clear(cc_hash_table_t *ht);
/** Frees all but the struct itself. */
void ht_destroy(cc_hash_table_t *ht);
/** Doubles the table (more than once where needed) and, unless it is NULL, stores *rest, whose key becomes the
 * table's. \return 0; REHASH_FAILURE, nothing is changed */
int rehash(cc_hash_table_t *ht, cc_item_t *rest);

#ifdef __cplusplus
}
#endif
#endif
