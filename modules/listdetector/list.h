/* SPDX-License-Identifier: BSD-3-Clause */
/** Lists of rules: how they are read and which rule a record matches. */
#ifndef LISTDETECTOR_LIST_H
#define LISTDETECTOR_LIST_H

#include <nemea/module.h>
#include <regex.h>
#include <stdio.h>

#define LIST_COLUMNS   64
#define LIST_ERROR     512
#define LIST_MAX_REGEX 1024 /* bytes of a regular expression */

/* Around a regular expression. */
#define RAW_BEGIN "R\"("
#define RAW_END   ")\""

/** What a rule asks of a column. */
enum cell_kind {
   CELL_ANY,
   CELL_NUMBER, /* also a character */
   CELL_TEXT,
   CELL_NETWORK, /* an address is a network of one */
   CELL_REGEX
};

struct cell {
   enum cell_kind kind;
   union {
      uint64_t number; /* as nm_field_u64() gives it */
      struct {
         char *bytes;
         uint32_t length;
      } text;
      struct {
         ip_addr_t address;
         uint8_t length; /* of the prefix, in bits of its family */
      } network;
      regex_t *regex;
   };
};

struct column {
   char *name;
   ur_field_type_t type;
};

/**
 * Rules that ask the same of the same columns, but for the values: an exact value, or a network with this length of prefix. All of them are
 * found by one look-up of what the record has in these columns.
 */
struct shape {
   uint32_t first;             /* rule of this shape */
   uint8_t want[LIST_COLUMNS]; /* 0: any value or a regular expression; WANT_... */
};

struct list {
   struct column columns[LIST_COLUMNS];
   uint32_t n_columns;
   uint32_t n_rules;
   uint32_t copies;      /* of nc_regex_compile() */
   struct cell *cells;   /* n_columns of each rule */
   uint64_t *matched;    /* of each rule: records */
   uint32_t *next;       /* of each rule: the next one with the same shape and values; UINT32_MAX: none */
   struct shape *shapes; /* in the order of their first rules */
   uint32_t n_shapes;
   struct slot *slots; /* hash table of the first rules of chains */
   uint32_t mask;
};

/** Reads a list. \return NULL, with the reason and the line in error (LIST_ERROR bytes); else to list_free() */
struct list *list_read(FILE *file, char *error);
/** NULL is allowed. */
void list_free(struct list *list);
/** Makes the look-up. \return false: out of memory */
bool list_index(struct list *list);
/** The first rule that a record matches. fields: of the columns, all present and of their types. \return UINT32_MAX: none */
uint32_t list_find(const struct list *list, const nm_field_t *fields, const void *rec);
/** The same by comparing with all rules: what list_find() must give. */
uint32_t list_scan(const struct list *list, const nm_field_t *fields, const void *rec);
/** The columns as typed fields, in the order of the list. \return to free(); NULL: out of memory */
char *list_format(const struct list *list);

/** Reads a cell of a column that is not empty. copies: of nc_regex_compile(), for the whole list. \return false, with the reason in error */
bool cell_read(struct cell *cell, ur_field_type_t type, const char *text, uint32_t *copies, char *error);
void cell_free(struct cell *cell);

#endif
