/* SPDX-License-Identifier: BSD-3-Clause */
#include "yaml_file.h"

#include <stdio.h>
#include <string.h>

bool yaml_is_plain(const yaml_node_t *node)
{
   return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

bool yaml_is_null(const yaml_node_t *node)
{
   if (!yaml_is_plain(node)) {
      return false;
   }
   const char *text = (const char *) node->data.scalar.value;
   return *text == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

const char *yaml_kind(const yaml_node_t *node)
{
   return node->type == YAML_MAPPING_NODE    ? "a mapping"
          : node->type == YAML_SEQUENCE_NODE ? "a list"
                                             : "a value";
}

static bool no_yaml(const char *name, const yaml_parser_t *parser, char *error, size_t size)
{
   snprintf(error, size, "%.256s:%zu: invalid YAML: %s", name, parser->problem_mark.line + 1,
            parser->problem != NULL ? parser->problem : "out of memory");
   return false;
}

/* \return false with a message: too deep */
static bool is_shallow(const char *name, const char *text, size_t size, char *error, size_t error_size)
{
   yaml_parser_t parser;
   yaml_event_t event;
   unsigned depth = 0;
   bool more = yaml_parser_initialize(&parser) != 0;
   yaml_parser_set_input_string(&parser, (const unsigned char *) text, size);
   while (more && depth <= YAML_FILE_DEPTH && yaml_parser_parse(&parser, &event)) {
      depth += event.type == YAML_MAPPING_START_EVENT || event.type == YAML_SEQUENCE_START_EVENT;
      depth -= event.type == YAML_MAPPING_END_EVENT || event.type == YAML_SEQUENCE_END_EVENT;
      more = event.type != YAML_STREAM_END_EVENT;
      yaml_event_delete(&event);
   }
   if (depth > YAML_FILE_DEPTH) {
      snprintf(error, error_size, "%.256s:%zu: mappings and lists nested deeper than %d", name,
               parser.mark.line + 1, YAML_FILE_DEPTH);
   }
   yaml_parser_delete(&parser); /* what else is wrong is found when it is read */
   return depth <= YAML_FILE_DEPTH;
}

/* A second document is an error: it would be ignored silently. */
static bool is_last(const char *name, yaml_parser_t *parser, char *error, size_t size)
{
   yaml_document_t next;
   if (!yaml_parser_load(parser, &next)) {
      return no_yaml(name, parser, error, size);
   }
   bool last = yaml_document_get_root_node(&next) == NULL;
   if (!last) {
      snprintf(error, size, "%.256s:%zu: a second document (expected one)", name, next.start_mark.line + 1);
   }
   yaml_document_delete(&next);
   return last;
}

bool yaml_file_parse(const char *name, const char *text, size_t size, yaml_document_t *document, char *error,
                     size_t error_size)
{
   yaml_parser_t parser;
   if (size > YAML_FILE_SIZE) {
      snprintf(error, error_size, "%.256s: more than %d bytes", name, YAML_FILE_SIZE);
      return false;
   }
   if (!is_shallow(name, text, size, error, error_size)) {
      return false;
   }
   if (!yaml_parser_initialize(&parser)) {
      snprintf(error, error_size, "%.256s: out of memory", name);
      return false;
   }
   yaml_parser_set_input_string(&parser, (const unsigned char *) text, size);
   bool good = yaml_parser_load(&parser, document);
   if (!good) {
      no_yaml(name, &parser, error, error_size);
   } else if (yaml_document_get_root_node(document) != NULL && !is_last(name, &parser, error, error_size)) {
      yaml_document_delete(document);
      good = false;
   }
   yaml_parser_delete(&parser);
   return good;
}
