/* SPDX-License-Identifier: BSD-3-Clause */
/** \file cuckoo_hash_v2.h
 * Cuckoo hash table, second version: keys of one length, all memory taken at the start. A displacement moves an index
 * only: data stay where they are as long as their item is in the table.
 *
 * When an item finds no place within 15 displacements, another one is evicted and returned to the caller. A second insertion
 * of a key stores a second item: ask ht_get_v2() first. The hash has the random key of the process
 * (nc_hash.h). Threads: one writer; see ht_lock_insert_v2(). */
#ifndef CUCKOO_HASH_V2_H
#define CUCKOO_HASH_V2_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct index_array {
   uint8_t valid;
   int index; /**< of key and data */
} index_array_t;

typedef struct cc_hash_table_v2 {
   index_array_t *ind; /**< by place */
   char **keys;
   void **data;
   char *key_kick;  /**< of the item evicted last */
   void *data_kick; /**< of the item evicted last */
   unsigned int data_size;
   unsigned int table_size; /**< places */
   unsigned int key_length; /**< bytes */
} cc_hash_table_v2_t;

/** Prepares a table of the caller's. \param table_size places, 1 to INT32_MAX \param key_length bytes, at least 1
 * \return 0; -1 for other sizes or without memory */
int ht_init_v2(cc_hash_table_v2_t *new_table, unsigned int table_size, unsigned int data_size,
               unsigned int key_length);
/** Stores copies of key and data. \return NULL; or the data of an item that was evicted for it, good until the next
 * insertion, with its key in key_kick */
void *ht_insert_v2(cc_hash_table_v2_t *ht, char *key, const void *new_data);
/** The same, with lock(i) before and unlock(i) after key and data of slot i are written or made invalid. A reader
 * that holds the lock of the slot ht_get_index_v2() gave, and then finds ht_is_valid_v2(), has the key's data. */
void *ht_lock_insert_v2(cc_hash_table_v2_t *ht, char *key, const void *new_data, void (*lock)(int),
                        void (*unlock)(int));
/** \return data of the key, NULL when it is not there */
void *ht_get_v2(cc_hash_table_v2_t *ht, char *key);
/** \return slot of the key's data, -1 when it is not there */
int ht_get_index_v2(cc_hash_table_v2_t *ht, char *key);
/** Does one of the key's places name this slot? Bytes are not compared. \return 1 or 0 */
int ht_is_valid_v2(cc_hash_table_v2_t *ht, char *key, int index);
/** Removes the item of the key, if it is there. */
void ht_remove_by_key_v2(cc_hash_table_v2_t *ht, char *key);
/** The same with the hashes of the key. */
void ht_remove_precomp_v2(cc_hash_table_v2_t *ht, char *key, unsigned int h1, unsigned int h2,
                          unsigned int h3);
/** Removes all items. */
void ht_clear_v2(cc_hash_table_v2_t *ht);
/** Frees all but the struct itself. */
void ht_destroy_v2(cc_hash_table_v2_t *ht);
/** Doubles the table (more than once where needed: no item is lost). Data move. \return 0; -1, nothing is changed */
int rehash_v2(cc_hash_table_v2_t *ht);

#ifdef __cplusplus
}
#endif
#endif
