/* SPDX-License-Identifier: BSD-3-Clause */
/** What the two files of the configurator share: the pattern, read. */
#ifndef CONFIGURATOR_INTERNAL_H
#define CONFIGURATOR_INTERNAL_H

#include <libxml/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_kind { CONF_ELEMENT, CONF_STRUCT, CONF_ARRAY };

/** A type of simple values. */
struct conf_type {
   const char *name;
   size_t size; /**< bytes; 0: the member's own (strings) */
   enum { CONF_SIGNED, CONF_UNSIGNED, CONF_FLOAT, CONF_STRING } family;
};

/** A member of the C struct. */
struct conf_member {
   enum conf_kind kind;
   const struct conf_type *type; /**< of an element */
   char *name;                   /**< "" for the elements of an array */
   char *fallback;               /**< default value of an element, never NULL */
   bool required;
   size_t size;                 /**< bytes in the C struct */
   size_t stride;               /**< of an array: bytes of an element */
   struct conf_member *members; /**< of a struct; of an array: those of an element */
   size_t n_members;
   bool of_structs; /**< of an array */
};

#define CONF_DEFAULT_STRING 32                   /**< bytes of a string without size */
#define CONF_MAX_STRING     (1024 * 1024)        /**< largest size of a string */
#define CONF_MAX_ARRAY      ((size_t) 256 << 20) /**< bytes of an array */
#define CONF_MAX_DEPTH      32                   /**< structs in structs */

/** A message on standard error: "Configurator: SOURCE:LINE: ...". */
void conf_error(const xmlNode *at, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Reads a document. text NULL: from the file name. \return NULL after a message */
xmlDoc *conf_read(const char *name, const char *text, size_t length);
/** \return the root element when it is a `<configuration>`, else NULL after a message */
xmlNode *conf_root(xmlDoc *doc);
/** The next element of this name (NULL: any), beginning at a node. \return NULL at the end */
xmlNode *conf_next(xmlNode *at, const char *name);
/** \return text of a node without white space around it, to free(); NULL without memory */
char *conf_text(xmlNode *node, bool trim);

/** Reads a pattern into a struct member. \return false after a message; free it in any case */
bool conf_pattern(xmlDoc *doc, struct conf_member *top);
void conf_pattern_free(struct conf_member *member);
/** Fills out with what the user's document says; arrays are registered. \return false after a message; out is untouched */
bool conf_fill(const struct conf_member *top, xmlDoc *doc, void *out);

#endif
