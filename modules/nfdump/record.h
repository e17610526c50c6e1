/* SPDX-License-Identifier: BSD-3-Clause */
/** Reads single records of nfdump files. */
#ifndef NEMEA_NFDUMP_RECORD_H
#define NEMEA_NFDUMP_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include "flow.h"

enum nf_record {
   NF_IS_FLOW,
   NF_IS_OTHER,   /**< of a known type, but no flow */
   NF_IS_UNKNOWN, /**< of an unknown type */
   NF_IS_BAD      /**< *reason says what is wrong */
};

/** What extension map number N of a version 1 file says about the interface. */
struct nf1_map {
   uint16_t offset; /**< of the index of the input behind the counters */
   uint8_t size;    /**< of the index: 2, 4, or 0: there is none */
   bool known;
   uint16_t total; /**< bytes of all extensions */
};
#define NF1_MAPS 65536

/** A record of a version 2 file. \param size is that of its header, at least NF_RECORD_SIZE bytes are there */
enum nf_record nf_record_read(const uint8_t *record, size_t size, struct nf_flow *flow, const char **reason);
/** A record of a version 1 file. \param maps NF1_MAPS of them, written by records that are maps */
enum nf_record nf1_record_read(const uint8_t *record, size_t size, struct nf1_map *maps, struct nf_flow *flow,
                               const char **reason);

#endif
