/* SPDX-License-Identifier: BSD-3-Clause */
/** Domain names and the tags of services that they belong to, from a CSV file. */
#ifndef SNI_DATASET_SAVER_TAGS_H
#define SNI_DATASET_SAVER_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TAGS_ERROR 256
#define TAGS_NAME  253 /* bytes of a domain name */

typedef struct tags tags_t;

/** Reads lines "ID,TAG,DOMAINS" after a header; DOMAINS: names separated by commas, in double quotes; "*.NAME" stands for NAME and all
 * names below. \return NULL, with the line and the reason in error (TAGS_ERROR bytes) */
tags_t *tags_read(FILE *file, char *error);
void tags_free(tags_t *tags);
/** Number of tags. */
uint32_t tags_count(const tags_t *tags);
/** Name of tag number i. */
const char *tags_name(const tags_t *tags, uint32_t i);
/** The tag of the longest name that is this one, or one above it. \return false: none */
bool tags_find(const tags_t *tags, const char *name, size_t length, uint32_t *tag);
/** The tag of this name. \return false: none */
bool tags_by_name(const tags_t *tags, const char *name, uint32_t *tag);
/** The next row of a CSV file: up to n columns of it, without quotes; they lie in *line, which getline() made. Columns that are not
 * there are "". \return false: end of file, or (*error set) a quote is not closed */
bool tags_row(FILE *file, char **line, size_t *size, char **columns, unsigned n, unsigned *number,
              const char **error);

#endif
