/* SPDX-License-Identifier: BSD-3-Clause */
/** A YAML file with one document, read from text that may come from anywhere: its size and depth are limited. */
#ifndef FLOW_YAML_FILE_H
#define FLOW_YAML_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#define YAML_FILE_SIZE  (1 << 20) /**< bytes at most */
#define YAML_FILE_DEPTH 16 /**< of nested mappings and lists: the parser's time grows with its square */

/**
 * Reads the document, to be given to yaml_document_delete(). Its root is NULL when the text is empty.
 * \return false with a message: "NAME:LINE: what is wrong"
 */
bool yaml_file_parse(const char *name, const char *text, size_t size, yaml_document_t *document, char *error,
                     size_t error_size);
/** Nothing at all: the scalar is empty, ~ or null. */
bool yaml_is_null(const yaml_node_t *node);
/** A scalar without quotes. */
bool yaml_is_plain(const yaml_node_t *node);
/** "a mapping", "a list", "a value". */
const char *yaml_kind(const yaml_node_t *node);

#endif
