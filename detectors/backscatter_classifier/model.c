/* SPDX-License-Identifier: BSD-3-Clause */
#include "model.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 256
#define WORDS     4
#define NONE      VALUES /* no divisor; no value: the node is a leaf */
#define BOUND     1e15   /* of all numbers in a file */

/* Both nodes below a node come after it, so that a walk always ends. */
struct node {
   uint8_t value, divisor;
   uint32_t above; /* index of the node for values above the threshold; the one for others is the next */
   double number;  /* threshold, or what the leaf adds */
};

struct part {
   bool there;
   double bias;
   uint32_t *roots;
   size_t trees;
};

struct model {
   struct node *nodes;
   size_t n, room;
   struct part parts[MODEL_PROTOCOLS];
};

/* In the order of enum value. */
static const char *const value_names[VALUES] = {"ACKSYN",
                                                "BYTES",
                                                "BYTES_AVG",
                                                "BYTES_STD",
                                                "DURATION",
                                                "FLOW_COUNT",
                                                "MAX_FPM",
                                                "PACKET_COUNT",
                                                "PPF_AVG",
                                                "PPF_STD",
                                                "RATE",
                                                "RST",
                                                "SRC_PORT_1_COUNT",
                                                "SRC_PORT_2_COUNT",
                                                "SRC_PORT_3_COUNT",
                                                "UNIQUE_DST_24_SUBNETS",
                                                "UNIQUE_DST_IPS",
                                                "UNIQUE_DST_PORTS",
                                                "UNIQUE_SRC_PORTS"};
static const char *const protocol_names[MODEL_PROTOCOLS] = {"TCP", "ICMP"};

/* A text that is read line by line. */
struct reader {
   const char *next, *end;
   unsigned line;
   char text[LINE_SIZE];
   char *words[WORDS]; /* of the current line; NULL after the last one */
   char *error;
};

__attribute__((format(printf, 2, 3))) static bool wrong(struct reader *r, const char *format, ...)
{
   va_list ap;
   int n = snprintf(r->error, MODEL_ERROR, "line %u: ", r->line);
   va_start(ap, format);
   vsnprintf(r->error + n, MODEL_ERROR - (size_t) n, format, ap);
   va_end(ap);
   return false;
}

/* The next line that is neither empty nor a comment. \return false: error is set, or, where it is empty, the text has ended */
static bool next_line(struct reader *r)
{
   r->error[0] = 0;
   while (r->next < r->end) {
      const char *stop = memchr(r->next, '\n', (size_t) (r->end - r->next));
      size_t n = (size_t) ((stop != NULL ? stop : r->end) - r->next), count = 0;
      char *save = NULL;
      r->line++;
      if (n >= LINE_SIZE || memchr(r->next, 0, n) != NULL) {
         return wrong(r, "no line of text of at most %d characters", LINE_SIZE - 1);
      }
      memcpy(r->text, r->next, n);
      r->text[n] = 0;
      r->next = stop != NULL ? stop + 1 : r->end;
      r->text[strcspn(r->text, "#")] = 0;
      for (char *word = strtok_r(r->text, " \t\r", &save); word != NULL;
           word = strtok_r(NULL, " \t\r", &save)) {
         if (count == WORDS) {
            return wrong(r, "more than %d words", WORDS);
         }
         r->words[count++] = word;
      }
      for (size_t i = count; i < WORDS; i++) {
         r->words[i] = NULL;
      }
      if (count > 0) {
         return true;
      }
   }
   return false;
}

/* The current line is this word and n more. */
static bool is_line(const struct reader *r, const char *word, unsigned n)
{
   for (unsigned i = 0; i < WORDS; i++) {
      if ((r->words[i] != NULL) != (i <= n)) {
         return false;
      }
   }
   return strcmp(r->words[0], word) == 0;
}

static bool read_number(struct reader *r, const char *text, double *to)
{
   char *end;
   *to = strtod(text, &end);
   return (*end == 0 && end != text && fabs(*to) <= BOUND) ||
          wrong(r, "'%.40s', expected a number from -1e15 to 1e15", text);
}

static bool read_count(struct reader *r, const char *text, uint64_t most, uint32_t *to)
{
   char *end;
   errno = 0;
   unsigned long long number = strtoull(text, &end, 10);
   *to = (uint32_t) number;
   return (*text >= '0' && *text <= '9' && *end == 0 && errno == 0 && number >= 1 && number <= most) ||
          wrong(r, "'%.40s', expected a number from 1 to %" PRIu64, text, most);
}

/* "NAME" or "NAME/NAME" */
static bool read_value(struct reader *r, char *text, struct node *to)
{
   char *names[2] = {text, strchr(text, '/')};
   uint8_t *places[2] = {&to->value, &to->divisor};
   if (names[1] != NULL) {
      *names[1]++ = 0;
   }
   to->divisor = NONE;
   for (int i = 0; i < 2 && names[i] != NULL; i++) {
      uint8_t value = 0;
      while (value < VALUES && strcmp(value_names[value], names[i]) != 0) {
         value++;
      }
      if (value == VALUES) {
         return wrong(r, "'%.40s' is no value of a vector, as FLOW_COUNT", names[i]);
      }
      *places[i] = value;
   }
   return true;
}

static bool no_memory(struct reader *r)
{
   snprintf(r->error, MODEL_ERROR, "out of memory");
   return false;
}

/* Makes room for n elements, doubling. */
static bool make_room(void **list, size_t *room, size_t n, size_t size)
{
   size_t more = *room > 0 ? *room : 64;
   while (more < n) {
      more *= 2;
   }
   void *larger = more == *room ? *list : realloc(*list, more * size);
   if (larger == NULL) {
      return false;
   }
   *list = larger;
   *room = more;
   return true;
}

/* The lines of a tree. */
static bool read_tree(struct reader *r, struct model *m, struct part *part, size_t *room)
{
   uint32_t count, skip;
   if (!read_count(r, r->words[1], MODEL_NODES_MAX - m->n, &count)) {
      return false;
   }
   if (part->trees == MODEL_TREES_MAX) {
      return wrong(r, "more than %d trees", MODEL_TREES_MAX);
   }
   void *nodes = m->nodes, *roots = part->roots;
   bool fits = make_room(&nodes, &m->room, m->n + count, sizeof(*m->nodes)) &&
               make_room(&roots, room, part->trees + 1, sizeof(*part->roots));
   m->nodes = nodes;
   part->roots = roots;
   if (!fits) {
      return no_memory(r);
   }
   part->roots[part->trees++] = (uint32_t) m->n;
   for (uint32_t i = 0; i < count; i++) {
      struct node *node = &m->nodes[m->n + i];
      if (!next_line(r)) {
         return r->error[0] != 0 ? false : wrong(r, "the file ends within a tree");
      }
      if (is_line(r, "leaf", 1)) {
         *node = (struct node){.value = NONE};
         if (!read_number(r, r->words[1], &node->number)) {
            return false;
         }
      } else if (is_line(r, "node", 3)) {
         if (!read_value(r, r->words[1], node) || !read_number(r, r->words[2], &node->number) ||
             !read_count(r, r->words[3], MODEL_NODES_MAX, &skip)) {
            return false;
         }
         if (skip < 2 || skip >= count - i) {
            return wrong(r, "node %u of %u leads to %" PRIu64 ", which is not one after its next in the tree",
                         i, count, (uint64_t) i + skip);
         }
         node->above = (uint32_t) m->n + i + skip;
      } else {
         return wrong(r, "'%.40s', expected 'node VALUE THRESHOLD DISTANCE' or 'leaf NUMBER'", r->words[0]);
      }
   }
   m->n += count;
   return true;
}

/* What follows "model PROTOCOL". */
static bool read_part(struct reader *r, struct model *m)
{
   size_t room = 0;
   int protocol = 0;
   while (protocol < MODEL_PROTOCOLS && strcmp(protocol_names[protocol], r->words[1]) != 0) {
      protocol++;
   }
   if (protocol == MODEL_PROTOCOLS) {
      return wrong(r, "'model %.40s', expected 'model TCP' or 'model ICMP'", r->words[1]);
   }
   struct part *part = &m->parts[protocol];
   if (part->there) {
      return wrong(r, "a second 'model %s'", protocol_names[protocol]);
   }
   part->there = true;
   if (!next_line(r) || !is_line(r, "bias", 1)) {
      return r->error[0] != 0 ? false
                              : wrong(r, "expected 'bias NUMBER' after 'model %s'", protocol_names[protocol]);
   }
   if (!read_number(r, r->words[1], &part->bias)) {
      return false;
   }
   while (next_line(r)) {
      if (is_line(r, "model", 1)) {
         return true;
      }
      if (!is_line(r, "tree", 1)) {
         return wrong(r, "'%.40s', expected 'tree NODES' or 'model PROTOCOL'", r->words[0]);
      }
      if (!read_tree(r, m, part, &room)) {
         return false;
      }
   }
   r->words[0] = NULL;
   return r->error[0] == 0;
}

/* The models that scikit-learn's users have: pickles, also in the archives and compressed forms of joblib. */
static bool is_pickle(const char *text, size_t size)
{
   static const struct {
      const char *bytes;
      size_t n;
   } begins[] = {{"\x80", 1},   {"(", 1},    {"c", 1},        {"]", 1},   {"}", 1},
                 {"PK\3\4", 4}, {"\x78", 1}, {"\x1f\x8b", 2}, {"BZh", 3}, {"ZF", 2}};
   for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
      if (size >= begins[i].n && memcmp(text, begins[i].bytes, begins[i].n) == 0) {
         return true;
      }
   }
   return false;
}

static bool read_all(struct reader *r, struct model *m)
{
   if (!next_line(r) || !is_line(r, "nemea-trees", 1)) {
      snprintf(r->error, MODEL_ERROR, "no model: expected 'nemea-trees 1' in the first line");
      return false;
   }
   if (strcmp(r->words[1], "1") != 0) {
      return wrong(r, "version '%.40s' of the format, expected 1", r->words[1]);
   }
   if (next_line(r)) {
      do {
         if (!is_line(r, "model", 1)) {
            return wrong(r, "'%.40s', expected 'model TCP' or 'model ICMP'", r->words[0]);
         }
         if (!read_part(r, m)) {
            return false;
         }
      } while (r->words[0] != NULL);
   }
   if (r->error[0] == 0 && !m->parts[MODEL_TCP].there && !m->parts[MODEL_ICMP].there) {
      return wrong(r, "the file ends, expected 'model TCP' or 'model ICMP'");
   }
   return r->error[0] == 0;
}

struct model *model_read(const char *text, size_t size, char error[MODEL_ERROR])
{
   struct reader r = {.next = text, .end = text + size, .error = error};
   if (is_pickle(text, size)) {
      snprintf(
          error, MODEL_ERROR,
          "a Python pickle or archive, which can run any code when it is read: not supported; models are "
          "texts, made by training/train.py");
      return NULL;
   }
   struct model *m = calloc(1, sizeof(*m));
   if (m == NULL) {
      no_memory(&r);
      return NULL;
   }
   if (!read_all(&r, m)) {
      model_free(m);
      return NULL;
   }
   return m;
}

void model_free(struct model *model)
{
   if (model != NULL) {
      for (int i = 0; i < MODEL_PROTOCOLS; i++) {
         free(model->parts[i].roots);
      }
      free(model->nodes);
      free(model);
   }
}

static double value_of(const struct node *node, const double *values)
{
   double value = values[node->value];
   if (node->divisor == NONE) {
      return value;
   }
   return values[node->divisor] != 0 ? value / values[node->divisor] : 0;
}

double model_probability(const struct model *model, enum model_protocol protocol, const double *values)
{
   const struct part *part = &model->parts[protocol];
   double score = part->bias;
   if (!part->there) {
      return 0;
   }
   for (size_t i = 0; i < part->trees; i++) {
      const struct node *node = &model->nodes[part->roots[i]];
      while (node->value != NONE) {
         node = value_of(node, values) <= node->number ? node + 1 : &model->nodes[node->above];
      }
      score += node->number;
   }
   return 1 / (1 + exp(-score));
}

size_t model_trees(const struct model *model, enum model_protocol protocol)
{
   return model->parts[protocol].trees;
}
