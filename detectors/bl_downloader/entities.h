/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file entities.h
 * What a public list holds: networks with ports, or URLs and domain names; sorted, each once.
 */
#ifndef BL_DOWNLOADER_ENTITIES_H
#define BL_DOWNLOADER_ENTITIES_H

#include "../blacklist/config.h"

#include <stdio.h>

/** An entry of a list. */
struct entity {
   uint8_t key[17]; /* of networks: address and length, in the order of files */
   bool has_port;
   uint16_t port;
   uint32_t text, length; /* in the texts */
};

struct entities {
   struct entity *list;
   size_t n, room;
   char *text;
   size_t n_text, room_text;
};

void entities_free(struct entities *e);
/** Reads a downloaded list. \return false: error is set, e is empty: it has no entries, or is something else than a list */
bool entities_extract(const struct bl_source *s, const char *data, size_t size, struct entities *e,
                      char error[BL_ERROR]);
bool entities_equal(const struct entities *a, const struct entities *b);
/** As text, "ENTITY" or "ENTITY:PORT,PORT" a line. \return false: to has failed */
bool entities_write(const struct entities *e, FILE *to);
/** Reads what entities_write() wrote; other lines are left out. \return false: out of memory */
bool entities_read(const struct bl_source *s, const char *data, size_t size, struct entities *e);

/** Makes the file of one kind of all lists. \return false: out of memory */
bool entities_detector_file(enum bl_file file, const struct bl_source *sources,
                            const struct entities *entities, size_t n, FILE *to);

#endif
