/* SPDX-License-Identifier: BSD-3-Clause */
/** Makes the tree of an expression:
 *
 *     list : node | list AND node | list OR node          from left to right, one precedence
 *     node : '(' list ')' | NOT node | BOOL | term
 *     term : (field | PROTOCOL | host | port) operator (value | '[' value , ... ']')
 */
#include "../internal.h"
#include "filter.h"

#include <nemea-common/nc_regex.h>
#include <stdlib.h>

struct parser {
   struct lexer lexer;
   enum token token; /* the next one */
   unsigned depth;
   uint32_t n_terms;
   uint32_t copies; /* of nc_regex_compile() */
};

static bool parse_node(struct parser *p, struct node *node);
static bool parse_list(struct parser *p, struct node *list);

static void next(struct parser *p)
{
   p->token = lex(&p->lexer);
}

/* Reports the unexpected token. \return false */
static bool unexpected(struct parser *p, const char *expected)
{
   struct lexer *l = &p->lexer;
   size_t length = (size_t) (l->at - l->text) - l->start;
   if (p->token == TOKEN_END) {
      filter_error(l, l->start, "the expression ends where %s is expected", expected);
   } else {
      filter_error(l, l->start, "expected %s before \"%.*s\"", expected, (int) (length < 60 ? length : 60),
                   l->text + l->start);
   }
   return false;
}

static bool out_of_memory(struct parser *p)
{
   filter_error(&p->lexer, p->lexer.start, "out of memory");
   return false;
}

static void free_term(struct term *t)
{
   if (t->compiled) {
      regfree(&t->regex);
   }
   free(t->field);
   free(t->values);
   free(t);
}

static void free_node(struct node *node)
{
   for (size_t i = 0; i < node->n_nodes; i++) {
      free_node(&node->nodes[i]);
   }
   free(node->nodes);
   if (node->term != NULL) {
      free_term(node->term);
   }
}

/* ------------------------------------------------------------------- terms */

/* Room for one more, doubling. \return NULL without memory */
static void *grown(void *array, size_t count, size_t size)
{
   return (count & (count - 1)) != 0 ? array : realloc(array, (count > 0 ? 2 * count : 1) * size);
}

static bool add_value(struct parser *p, struct term *t)
{
   struct value *grow = grown(t->values, t->n_values, sizeof(*grow));
   if (grow == NULL) {
      return out_of_memory(p);
   }
   t->values = grow;
   t->values[t->n_values++] = p->lexer.value;
   return true;
}

static unsigned allowed_kinds(const struct term *t)
{
   switch (t->subject) {
   case SUBJECT_PORT: return IS_UINT;
   case SUBJECT_HOST: return IS_IP;
   case SUBJECT_PROTOCOL:
      return t->array || (t->op != OP_EQ && t->op != OP_NE) ? IS_UINT : IS_UINT | IS_STRING;
   default:
      if (t->op == OP_REGEX) {
         return IS_STRING;
      }
      /* Strings have no order, but a quoted address has one. */
      return t->array || (t->op != OP_EQ && t->op != OP_NE) ? IS_UINT | IS_INT | IS_FLOAT | IS_TIME | IS_IP
                                                            : ~0u;
   }
}

static const char *allowed_words(const struct term *t)
{
   switch (t->subject) {
   case SUBJECT_PORT: return "a port number";
   case SUBJECT_HOST: return "an address or network";
   case SUBJECT_PROTOCOL: return "a protocol number or name";
   default: return t->op == OP_REGEX ? "a quoted regular expression" : "a number, time, address or network";
   }
}

/* Reads one value of a kind that the term can have. */
static bool parse_value(struct parser *p, struct term *t)
{
   bool name = p->token == TOKEN_NAME && t->subject == SUBJECT_PROTOCOL;
   unsigned kinds = p->lexer.value.kinds & allowed_kinds(t);
   if ((p->token != TOKEN_VALUE && !name) || kinds == 0) {
      return unexpected(p, allowed_words(t));
   }
   p->lexer.value.kinds = kinds;
   if (!add_value(p, t)) {
      return false;
   }
   next(p);
   return true;
}

static bool parse_array(struct parser *p, struct term *t)
{
   t->array = true;
   t->op = OP_IN; /* whatever was written */
   do {
      next(p);
      if (!parse_value(p, t)) {
         return false;
      }
   } while (p->token == TOKEN_COMMA);
   if (p->token != TOKEN_CLOSE) {
      return unexpected(p, "\",\" or \"]\"");
   }
   next(p);
   return true;
}

static bool compile_regex(struct parser *p, struct term *t)
{
   const struct value *v = &t->values[0];
   char *pattern = strndup(v->text, v->length), reason[128];
   if (pattern == NULL) {
      return out_of_memory(p);
   }
   int rc = nc_regex_compile(&t->regex, pattern, &p->copies, reason, sizeof(reason));
   free(pattern);
   if (rc != 0) {
      filter_error(&p->lexer, (size_t) (v->text - p->lexer.text), "bad regular expression: %s", reason);
      return false;
   }
   t->compiled = true;
   return true;
}

static bool parse_comparison(struct parser *p, struct term *t)
{
   enum token token = p->token;
   if (token != TOKEN_COMPARE && token != TOKEN_EQUAL &&
       (token != TOKEN_REGEX || t->subject != SUBJECT_FIELD)) {
      return unexpected(p, "a comparison");
   }
   t->op = p->lexer.op;
   next(p);
   if (p->token == TOKEN_OPEN && token == TOKEN_COMPARE) {
      return parse_array(p, t);
   }
   if (!parse_value(p, t)) {
      return false;
   }
   return t->op != OP_REGEX || compile_regex(p, t);
}

static bool parse_term(struct parser *p, struct node *node, enum subject subject)
{
   struct term *t = calloc(1, sizeof(*t));
   const struct value *name = &p->lexer.value;
   if (t == NULL || (t->field = strndup(name->text, name->length)) == NULL) {
      free(t);
      return out_of_memory(p);
   }
   *node = (struct node){.kind = NODE_TERM, .term = t};
   t->subject = subject;
   t->offset = p->lexer.start;
   t->number = p->n_terms++;
   next(p);
   return parse_comparison(p, t);
}

/* ------------------------------------------------------------------- nodes */

static bool parse_not(struct parser *p, struct node *node)
{
   *node = (struct node){.kind = NODE_NOT, .nodes = calloc(1, sizeof(*node))};
   if (node->nodes == NULL) {
      return out_of_memory(p);
   }
   node->n_nodes = 1;
   next(p);
   return parse_node(p, node->nodes);
}

static bool parse_brackets(struct parser *p, struct node *node)
{
   next(p);
   if (!parse_list(p, node)) {
      return false;
   }
   if (p->token != TOKEN_RIGHT) {
      return unexpected(p, "\")\"");
   }
   next(p);
   return true;
}

static bool parse_node(struct parser *p, struct node *node)
{
   bool ok;
   if (p->depth == NM_FILTER_MAX_DEPTH) {
      filter_error(&p->lexer, p->lexer.start, "nested deeper than %d levels", NM_FILTER_MAX_DEPTH);
      return false;
   }
   p->depth++;
   switch (p->token) {
   case TOKEN_LEFT: ok = parse_brackets(p, node); break;
   case TOKEN_NOT: ok = parse_not(p, node); break;
   case TOKEN_NAME: ok = parse_term(p, node, SUBJECT_FIELD); break;
   case TOKEN_PORT: ok = parse_term(p, node, SUBJECT_PORT); break;
   case TOKEN_HOST: ok = parse_term(p, node, SUBJECT_HOST); break;
   case TOKEN_PROTOCOL: ok = parse_term(p, node, SUBJECT_PROTOCOL); break;
   case TOKEN_BOOL:
      *node = (struct node){.kind = p->lexer.truth ? NODE_TRUE : NODE_FALSE};
      next(p);
      ok = true;
      break;
   default: ok = unexpected(p, "a field name, \"(\" or NOT");
   }
   p->depth--;
   return ok;
}

static bool parse_list(struct parser *p, struct node *list)
{
   bool and_seen = false, or_seen = false, joined_by_or = false;
   *list = (struct node){.kind = NODE_LIST};
   for (;;) {
      struct node *grow = grown(list->nodes, list->n_nodes, sizeof(*grow));
      if (grow == NULL) {
         return out_of_memory(p);
      }
      list->nodes = grow;
      struct node *node = &list->nodes[list->n_nodes++];
      *node = (struct node){.kind = NODE_TRUE};
      bool ok = parse_node(p, node);
      node->follows_or = joined_by_or;
      if (!ok) {
         return false;
      }
      if (p->token != TOKEN_AND && p->token != TOKEN_OR) {
         return true;
      }
      joined_by_or = p->token == TOKEN_OR;
      bool mixed = joined_by_or ? and_seen : or_seen;
      if (mixed && !(and_seen && or_seen) && p->lexer.warn != NULL) {
         p->lexer.warn(p->lexer.arg, NM_FILTER_STYLE, p->lexer.start,
                       "AND and OR without brackets are evaluated from left to right");
      }
      and_seen |= !joined_by_or;
      or_seen |= joined_by_or;
      next(p);
   }
}

/* The whole expression. */
static bool parse_all(struct parser *p, struct node *root)
{
   next(p);
   if (p->token == TOKEN_END) {
      *root = (struct node){.kind = NODE_TRUE};
      return true;
   }
   if (!parse_list(p, root)) {
      return false;
   }
   return p->token == TOKEN_END || unexpected(p, "AND, OR or the end");
}

NM_PUBLIC nm_filter_t *nm_filter_parse(const char *text, nm_filter_warn_fn warn, void *arg,
                                       nm_filter_error_t *error)
{
   nm_filter_error_t unused;
   error = error != NULL ? error : &unused;
   *error = (nm_filter_error_t){.offset = 0};
   text = text != NULL ? text : "";
   struct parser p = {.lexer = {.error = error, .warn = warn, .arg = arg}};
   if (strlen(text) > NM_FILTER_MAX_TEXT) {
      filter_error(&p.lexer, 0, "the expression has %zu bytes, at most %u are allowed", strlen(text),
                   NM_FILTER_MAX_TEXT);
      return NULL;
   }
   nm_filter_t *f = calloc(1, sizeof(*f));
   if (f == NULL || (f->text = strdup(text)) == NULL) {
      free(f);
      filter_error(&p.lexer, 0, "out of memory");
      return NULL;
   }
   p.lexer.text = p.lexer.at = f->text;
   if (!parse_all(&p, &f->root)) {
      nm_filter_free(f);
      return NULL;
   }
   f->n_terms = p.n_terms;
   return f;
}

NM_PUBLIC void nm_filter_free(nm_filter_t *f)
{
   if (f != NULL) {
      free_node(&f->root);
      free(f->text);
      free(f);
   }
}
