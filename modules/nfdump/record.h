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

/** A number among the extensions of a record. */
struct nf1_place {
   uint16_t offset; /**< behind the counters */
   uint8_t size;    /**< 2, 4 or 8 bytes; 0: there is none */
};

/** What extension map number N of a version 1 file says about where to find extensions. */
struct nf1_map {
   bool known;
   uint16_t total;           /**< bytes of all extensions */
   struct nf1_place input;   /**< index of the input, and behind it that of the output */
   struct nf1_place packets; /**< of the other direction */
   struct nf1_place bytes;
};
#define NF1_MAPS 65536

/** A record of a version 2 file. \param size is that of its header, at least NF_RECORD_SIZE bytes are there */
enum nf_record nf_record_read(const uint8_t *record, size_t size, struct nf_flow *flow, const char **reason);
/** A record of a version 1 file. \param maps NF1_MAPS of them, written by records that are maps */
enum nf_record nf1_record_read(const uint8_t *record, size_t size, struct nf1_map *maps, struct nf_flow *flow,
                               const char **reason);

#endif
