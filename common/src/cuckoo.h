/* SPDX-License-Identifier: BSD-3-Clause */
/** The hashes of both versions of the cuckoo table: of a key, modulo the size of the table. */
#ifndef CUCKOO_H
#define CUCKOO_H

unsigned int cuckoo_hash_1(const char *key, unsigned int key_length, unsigned int table_size);
unsigned int cuckoo_hash_2(const char *key, unsigned int key_length, unsigned int table_size);
unsigned int cuckoo_hash_3(const char *key, unsigned int key_length, unsigned int table_size);

#endif
