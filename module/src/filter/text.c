/* SPDX-License-Identifier: BSD-3-Clause */
/** Writes an expression in its normal form. */
#include "../internal.h"
#include "filter.h"

#include <inttypes.h>
#include <netdb.h>
#include <stdlib.h>
#include <time.h>

struct writer {
   FILE *to;
   const nm_matcher_t *matcher;
   const char *begin, *end;
};

static void write_list(const struct writer *w, const struct node *list);

static const char *const op_texts[] = {[OP_EQ] = "==", [OP_NE] = "!=", [OP_LT] = "<",  [OP_LE] = "<=",
                                       [OP_GT] = ">",  [OP_GE] = ">=", [OP_IN] = "IN", [OP_REGEX] = "=~"};

static void write_time(const struct writer *w, ur_time_t t)
{
   time_t sec = ur_time_get_sec(t);
   struct tm tm;
   char text[32];
   gmtime_r(&sec, &tm);
   strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
   fprintf(w->to, "%s.%03u", text, (unsigned) ur_time_get_msec(t));
}

static void write_ip(const struct writer *w, ip_addr_t ip)
{
   char text[INET6_ADDRSTRLEN];
   ip_to_str(&ip, text);
   fputs(text, w->to);
}

/* "10.0.0.0/8 (255.0.0.0)" */
static void write_network(const struct writer *w, const struct value *v)
{
   ip_addr_t mask;
   memset(&mask, 0, sizeof(mask));
   bool v4 = ip_is4(&v->ip);
   for (unsigned i = 0; i < v->bits; i++) {
      mask.bytes[(v4 ? 8 : 0) + i / 8] |= (uint8_t) (0x80u >> i % 8);
   }
   if (v4) {
      memset(&mask.bytes[12], 0xff, 4);
   }
   write_ip(w, v->ip);
   fprintf(w->to, "/%u (", v->bits);
   write_ip(w, mask);
   fputc(')', w->to);
}

static void write_value(const struct writer *w, const struct value *v)
{
   if (v->kinds & IS_STRING) {
      char quote = memchr(v->text, '"', v->length) != NULL ? '\'' : '"';
      fprintf(w->to, "%c%.*s%c", quote, (int) v->length, v->text, quote);
   } else if (v->kinds & IS_TIME) {
      write_time(w, v->time);
   } else if (v->kinds & IS_IP) {
      if (v->network) {
         write_network(w, v);
      } else {
         write_ip(w, v->ip);
      }
   } else if (v->kinds & IS_FLOAT) {
      fprintf(w->to, "%f", v->real);
   } else if (v->kinds & IS_INT) {
      fprintf(w->to, "%" PRId64, (int64_t) v->number);
   } else {
      fprintf(w->to, "%" PRIu64, v->number);
   }
}

static int compare_values(const void *a, const void *b)
{
   const struct value *x = a, *y = b;
   if (x->kinds & y->kinds & IS_IP) {
      int order = ip_cmp(&x->ip, &y->ip);
      return order != 0 ? order : (int) x->bits - (int) y->bits;
   }
   if (x->kinds & y->kinds & IS_TIME) {
      return x->time < y->time ? -1 : x->time > y->time;
   }
   return x->real < y->real ? -1 : x->real > y->real;
}

static void write_array(const struct writer *w, const struct term *t)
{
   struct value *sorted = malloc(t->n_values * sizeof(*sorted));
   const struct value *values = sorted != NULL ? sorted : t->values;
   if (sorted != NULL) {
      memcpy(sorted, t->values, t->n_values * sizeof(*sorted));
      qsort(sorted, t->n_values, sizeof(*sorted), compare_values);
   }
   fputc('[', w->to);
   for (size_t i = 0; i < t->n_values; i++) {
      if (values[i].kinds & IS_IP) {
         write_ip(w, values[i].ip);
         fprintf(w->to, "/%u", values[i].bits);
      } else {
         write_value(w, &values[i]);
      }
      fputs(", ", w->to);
   }
   fputc(']', w->to);
   free(sorted);
}

/* PROTOCOL: names are written as numbers. */
static void write_protocol(const struct writer *w, const struct value *v)
{
   char name[64];
   snprintf(name, sizeof(name), "%.*s", (int) (v->length < 63 ? v->length : 63), v->text);
   fprintf(w->to, "%u", (unsigned) filter_protocol_number(name, NULL));
}

static void write_term(const struct writer *w, const struct term *t)
{
   bool never = w->matcher != NULL && w->matcher->never[t->number];
   fprintf(w->to, "%s%s %s ", never ? w->begin : "", t->field, op_texts[t->op]);
   if (t->array) {
      write_array(w, t);
   } else if (t->subject == SUBJECT_PROTOCOL && (t->values[0].kinds & IS_STRING)) {
      write_protocol(w, &t->values[0]);
   } else {
      write_value(w, &t->values[0]);
   }
   fputs(never ? w->end : "", w->to);
}

static void write_node(const struct writer *w, const struct node *node)
{
   switch (node->kind) {
   case NODE_TRUE: fputs("true", w->to); break;
   case NODE_FALSE: fputs("false", w->to); break;
   case NODE_TERM: write_term(w, node->term); break;
   case NODE_NOT:
      fputs("! ", w->to);
      if (node->nodes->kind == NODE_LIST) {
         write_node(w, node->nodes);
      } else {
         fputs("( ", w->to);
         write_node(w, node->nodes);
         fputs(" )", w->to);
      }
      break;
   case NODE_LIST:
      fputs("( ", w->to);
      write_list(w, node);
      fputs(" )", w->to);
      break;
   }
}

static void write_list(const struct writer *w, const struct node *list)
{
   for (size_t i = 0; i < list->n_nodes; i++) {
      if (i > 0) {
         fputs(list->nodes[i].follows_or ? " || " : " && ", w->to);
      }
      write_node(w, &list->nodes[i]);
   }
}

NM_PUBLIC char *nm_filter_text(const nm_filter_t *f, const nm_matcher_t *matcher, const char *begin,
                               const char *end)
{
   char *text = NULL;
   size_t size = 0;
   struct writer w = {.to = open_memstream(&text, &size), .matcher = matcher, .begin = begin, .end = end};
   if (w.to == NULL) {
      return NULL;
   }
   if (f->root.kind == NODE_LIST) {
      write_list(&w, &f->root);
   } else {
      write_node(&w, &f->root);
   }
   if (fclose(w.to) != 0) {
      free(text);
      return NULL;
   }
   return text;
}
