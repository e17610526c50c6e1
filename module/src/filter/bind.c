/* SPDX-License-Identifier: BSD-3-Clause */
/** Makes the program of an expression for one template.
 *
 * Steps are made from the last comparison to the first, so that a step knows where to go on: gen_*() get the steps that follow
 * when the part is true or false and return the step where the part begins. Parts that are decided for every
 * record take no step. */
#include "../internal.h"
#include "filter.h"

#include <nemea-common/nc_text.h>
#include <netdb.h>
#include <stdlib.h>

struct binder {
   nm_matcher_t *matcher;
   const ur_template_t *tmplt, *defaults;
   const void *values;
   nm_filter_warn_fn warn;
   void *arg;
   bool failed; /* no memory */
};

/* A field as the program reads it. */
struct field {
   const ur_template_t *tmplt; /* NULL: in none */
   ur_field_type_t type;
   uint16_t offset;
};

__attribute__((format(printf, 4, 5))) static void warn(struct binder *b, const struct term *t,
                                                       enum nm_filter_warning kind, const char *format, ...)
{
   char text[320], line[2 * sizeof(text)];
   va_list ap;
   if (kind != NM_FILTER_NO_NAME) {
      b->matcher->never[t->number] = true;
   }
   if (b->warn == NULL) {
      return;
   }
   va_start(ap, format);
   vsnprintf(text, sizeof(text), format, ap);
   va_end(ap);
   nc_text_terminal(line, sizeof(line), text, strlen(text)); /* parts of the expression may be any bytes */
   b->warn(b->arg, kind, t->offset, line);
}

static struct field look_up(const ur_template_t *tmplt, const char *name)
{
   for (uint16_t i = 0; tmplt != NULL && i < tmplt->count; i++) {
      int id = tmplt->ids[i];
      if (strcmp(ur_get_name(id), name) == 0) {
         return (struct field){tmplt, ur_get_type(id), tmplt->offset[id]};
      }
   }
   return (struct field){.tmplt = NULL};
}

static struct field find_field(const struct binder *b, const char *name)
{
   struct field f = look_up(b->tmplt, name);
   return f.tmplt != NULL ? f : look_up(b->defaults, name);
}

/* ------------------------------------------------------------------- steps */

/* Appends a step; one whose field has the same value in every record is decided at once. \return where it begins */
static int32_t emit(struct binder *b, const struct field *f, struct step s, int32_t if_true, int32_t if_false)
{
   nm_matcher_t *m = b->matcher;
   s.offset = f->offset;
   s.static_size = f->tmplt->static_size;
   s.if_true = if_true;
   s.if_false = if_false;
   if (f->tmplt != b->tmplt) {
      bool result = step_test(&s, b->values);
      set_free(&s);
      return result ? if_true : if_false;
   }
   if (m->n_steps == m->room) {
      uint32_t room = m->room > 0 ? 2 * m->room : 8;
      struct step *grow = realloc(m->steps, room * sizeof(*grow));
      if (grow == NULL) {
         b->failed = true;
         set_free(&s);
         return REJECT;
      }
      m->steps = grow;
      m->room = room;
   }
   m->steps[m->n_steps] = s;
   return (int32_t) m->n_steps++;
}

/* The range of values for which "value op [low, high]" holds. \return false if it is empty */
static bool op_range(enum operator op, ip128_t low, ip128_t high, ip128_t max, struct ip_range *range)
{
   switch (op) {
   case OP_LT: *range = (struct ip_range){0, low - 1}; return low > 0;
   case OP_LE: *range = (struct ip_range){0, high}; return true;
   case OP_GT: *range = (struct ip_range){high + 1, max}; return high < max;
   case OP_GE: *range = (struct ip_range){low, max}; return true;
   default: *range = (struct ip_range){low, high}; return true;
   }
}

static bool is_signed(ur_field_type_t type)
{
   return type == UR_TYPE_INT8 || type == UR_TYPE_INT16 || type == UR_TYPE_INT32 || type == UR_TYPE_INT64;
}

static const struct {
   uint8_t test, set;
} actions[UR_COUNT_OF_TYPES] = {[UR_TYPE_CHAR] = {TEST_U8, SET_8},
                                [UR_TYPE_UINT8] = {TEST_U8, SET_8},
                                [UR_TYPE_INT8] = {TEST_I8, SET_8},
                                [UR_TYPE_UINT16] = {TEST_U16, SET_16},
                                [UR_TYPE_INT16] = {TEST_I16, SET_16},
                                [UR_TYPE_UINT32] = {TEST_U32, SET_U32},
                                [UR_TYPE_INT32] = {TEST_I32, SET_I32},
                                [UR_TYPE_UINT64] = {TEST_U64, SET_U64},
                                [UR_TYPE_INT64] = {TEST_I64, SET_I64},
                                [UR_TYPE_FLOAT] = {TEST_FLOAT, SET_FLOAT},
                                [UR_TYPE_DOUBLE] = {TEST_DOUBLE, SET_DOUBLE},
                                [UR_TYPE_TIME] = {TEST_U64, SET_U64},
                                [UR_TYPE_MAC] = {TEST_MAC, 0},
                                [UR_TYPE_IP] = {TEST_IP, SET_IP}};

/* A comparison with one number in the order of the field's type. */
static int32_t gen_number(struct binder *b, const struct field *f, enum operator op, uint64_t number,
                          int32_t if_true, int32_t if_false)
{
   struct ip_range r;
   if (op == OP_NE) {
      return gen_number(b, f, OP_EQ, number, if_false, if_true);
   }
   if (!op_range(op, number, number, UINT64_MAX, &r)) {
      return if_false;
   }
   struct step s = {.action = actions[f->type].test};
   s.range.low = (uint64_t) r.low;
   s.range.span = (uint64_t) (r.high - r.low);
   return emit(b, f, s, if_true, if_false);
}

static int32_t gen_integer(struct binder *b, const struct field *f, enum operator op, const struct value *v,
                           int32_t if_true, int32_t if_false)
{
   bool has_sign = is_signed(f->type);
   if (has_sign ? (v->kinds & IS_UINT) && v->number >= SIGN_BIAS : (v->kinds & IS_INT) != 0) {
      /* Above, or below, all values of the type. */
      bool result =
          has_sign ? op == OP_LT || op == OP_LE || op == OP_NE : op == OP_GT || op == OP_GE || op == OP_NE;
      return result ? if_true : if_false;
   }
   return gen_number(b, f, op, has_sign ? v->number ^ SIGN_BIAS : v->number, if_true, if_false);
}

static int32_t gen_real(struct binder *b, const struct field *f, enum operator op, double real,
                        int32_t if_true, int32_t if_false)
{
   struct step s = {.action = actions[f->type].test, .op = (uint8_t) (op == OP_IN ? OP_EQ : op)};
   s.real = f->type == UR_TYPE_FLOAT ? (float) real : real;
   return emit(b, f, s, if_true, if_false);
}

/* A network has addresses of one family; those of the other are neither in it nor equal, but count as below and above. */
static int32_t gen_ip(struct binder *b, const struct field *f, enum operator op, const struct value *v,
                      int32_t if_true, int32_t if_false)
{
   struct ip_range net = network_range(&v->ip, v->bits);
   struct step s = {.action = TEST_IP, .family = ANY_FAMILY};
   if (op == OP_NE) {
      return gen_ip(b, f, OP_EQ, v, if_false, if_true);
   }
   if (v->network) {
      s.family = ip_is4(&v->ip) ? ONLY_4 : ONLY_6;
      s.otherwise = op == OP_LT || op == OP_GT;
   }
   if (!op_range(op, net.low, net.high, ~(ip128_t) 0, &s.ip)) {
      s.ip = (struct ip_range){1, 0};
   }
   return emit(b, f, s, if_true, if_false);
}

static int32_t gen_text(struct binder *b, const struct field *f, const struct term *t, int32_t if_true,
                        int32_t if_false)
{
   const struct value *v = &t->values[0];
   struct step s = {.action = t->op == OP_REGEX ? TEST_REGEX : TEST_STRING};
   if (t->op == OP_NE) {
      int32_t swap = if_true;
      if_true = if_false;
      if_false = swap;
   }
   if (t->op == OP_REGEX) {
      s.regex = &t->regex;
   } else {
      s.string.text = v->text;
      s.string.length = v->length;
   }
   return emit(b, f, s, if_true, if_false);
}

/* ------------------------------------------------------------------- terms */

static int32_t wrong_type(struct binder *b, const struct term *t, const char *wanted, int32_t if_false)
{
   warn(b, t, NM_FILTER_WRONG_TYPE, "Type of %s is not %s. Corresponding rule will always evaluate false.",
        t->field, wanted);
   return if_false;
}

static const char *kind_words(unsigned kinds)
{
   return kinds & IS_TIME              ? "time"
          : kinds & IS_IP              ? "IP address"
          : kinds & IS_FLOAT           ? "float"
          : kinds & (IS_UINT | IS_INT) ? "integer"
                                       : "string";
}

/* Kinds of values that fields of a type are compared with. */
static unsigned kinds_of_type(ur_field_type_t type, bool one_character)
{
   switch (type) {
   case UR_TYPE_CHAR: return one_character ? IS_STRING : 0;
   case UR_TYPE_FLOAT:
   case UR_TYPE_DOUBLE: return IS_UINT | IS_INT | IS_FLOAT;
   case UR_TYPE_TIME: return IS_TIME;
   case UR_TYPE_IP: return IS_IP;
   case UR_TYPE_STRING:
   case UR_TYPE_BYTES:
   case UR_TYPE_MAC: return IS_STRING;
   default: return ur_field_type_size[type] > 0 ? IS_UINT | IS_INT : 0;
   }
}

static int32_t gen_array(struct binder *b, const struct field *f, const struct term *t, int32_t if_true,
                         int32_t if_false)
{
   unsigned kinds = f->type == UR_TYPE_CHAR || f->type == UR_TYPE_MAC ? 0 : kinds_of_type(f->type, false);
   for (size_t i = 0; i < t->n_values; i++) {
      if ((t->values[i].kinds & kinds & ~(unsigned) IS_STRING) == 0) {
         return wrong_type(b, t, kind_words(t->values[i].kinds), if_false);
      }
   }
   struct step s = {.action = actions[f->type].set};
   if (!set_fill(&s, t, f->type)) {
      b->failed = true;
      return REJECT;
   }
   return s.set.count > 0 ? emit(b, f, s, if_true, if_false) : if_false;
}

static int32_t gen_mac(struct binder *b, const struct field *f, const struct term *t, int32_t if_true,
                       int32_t if_false)
{
   const struct value *v = &t->values[0];
   char text[32];
   mac_addr_t mac;
   uint64_t number = 0;
   snprintf(text, sizeof(text), "%.*s", (int) (v->length < 31 ? v->length : 31), v->text);
   if (t->op == OP_REGEX || !mac_from_str(text, &mac)) {
      return wrong_type(b, t, kind_words(v->kinds), if_false);
   }
   memcpy(&number, &mac, sizeof(mac));
   return gen_number(b, f, t->op, le64toh(number), if_true, if_false);
}

/* One field compared with the value or the array of a term; op: that of the term, or of a part of host. */
static int32_t gen_field(struct binder *b, const struct field *f, const struct term *t, enum operator op,
                         int32_t if_true, int32_t if_false)
{
   const struct value *v = &t->values[0];
   if (t->array) {
      return gen_array(b, f, t, if_true, if_false);
   }
   unsigned kinds = v->kinds & kinds_of_type(f->type, v->length == 1);
   if (kinds == 0 || (f->type == UR_TYPE_CHAR && op == OP_REGEX)) {
      return wrong_type(b, t, kind_words(v->kinds), if_false);
   }
   op = op == OP_IN ? OP_EQ : op;
   switch (f->type) {
   case UR_TYPE_FLOAT:
   case UR_TYPE_DOUBLE: return gen_real(b, f, op, v->real, if_true, if_false);
   case UR_TYPE_TIME: return gen_number(b, f, op, v->time, if_true, if_false);
   case UR_TYPE_CHAR: return gen_number(b, f, op, (uint8_t) v->text[0], if_true, if_false);
   case UR_TYPE_IP: return gen_ip(b, f, op, v, if_true, if_false);
   case UR_TYPE_MAC: return gen_mac(b, f, t, if_true, if_false);
   case UR_TYPE_STRING:
   case UR_TYPE_BYTES: return gen_text(b, f, t, if_true, if_false);
   default: return gen_integer(b, f, op, v, if_true, if_false);
   }
}

/* One or both of two fields satisfy op. */
static int32_t gen_either(struct binder *b, const struct field f[2], const struct term *t, enum operator op,
                          int32_t if_true, int32_t if_false)
{
   int32_t entry = f[1].tmplt != NULL ? gen_field(b, &f[1], t, op, if_true, if_false) : if_false;
   return f[0].tmplt != NULL ? gen_field(b, &f[0], t, op, if_true, entry) : entry;
}

/* host: equal when either address is; else lower when either is; else higher. */
static int32_t gen_host(struct binder *b, const struct field f[2], const struct term *t, int32_t if_true,
                        int32_t if_false)
{
   int32_t entry;
   switch (t->op) {
   case OP_EQ:
   case OP_IN: return gen_either(b, f, t, OP_EQ, if_true, if_false);
   case OP_NE: return gen_either(b, f, t, OP_EQ, if_false, if_true);
   case OP_LE: return gen_either(b, f, t, OP_EQ, if_true, gen_either(b, f, t, OP_LT, if_true, if_false));
   case OP_GE: return gen_either(b, f, t, OP_EQ, if_true, gen_either(b, f, t, OP_LT, if_false, if_true));
   case OP_LT: entry = gen_either(b, f, t, OP_LT, if_true, if_false); break;
   default: entry = gen_either(b, f, t, OP_LT, if_false, if_true);
   }
   return gen_either(b, f, t, OP_EQ, if_false, entry);
}

uint8_t filter_protocol_number(const char *name, bool *known)
{
   static const struct {
      const char *name;
      uint8_t number;
   } usual[] = {
       {"icmp", 1}, {"igmp", 2},       {"tcp", 6},     {"udp", 17},  {"gre", 47},  {"esp", 50},
       {"ah", 51},  {"ipv6-icmp", 58}, {"icmpv6", 58}, {"ospf", 89}, {"sctp", 132}}; /* /etc/protocols may be absent */
   char room[1024];
   struct protoent entry, *found = NULL;
   for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
      if (strcasecmp(name, usual[i].name) == 0) {
         return usual[i].number;
      }
   }
   if (getprotobyname_r(name, &entry, room, sizeof(room), &found) == 0 && found != NULL) {
      return (uint8_t) found->p_proto;
   }
   if (known != NULL) {
      *known = false;
   }
   return 0;
}

static int32_t gen_protocol(struct binder *b, const struct field *f, const struct term *t, int32_t if_true,
                            int32_t if_false)
{
   if (!t->array && (t->values[0].kinds & IS_STRING) && (kinds_of_type(f->type, false) & IS_UINT)) {
      const struct value *v = &t->values[0];
      char name[64];
      bool known = true;
      snprintf(name, sizeof(name), "%.*s", (int) (v->length < 63 ? v->length : 63), v->text);
      struct value number = {.kinds = IS_UINT, .number = filter_protocol_number(name, &known)};
      if (!known) {
         warn(b, t, NM_FILTER_NO_NAME, "Protocol %s is not known, revisit /etc/protocols.", name);
      }
      return gen_integer(b, f, t->op, &number, if_true, if_false);
   }
   return gen_field(b, f, t, t->op, if_true, if_false);
}

static int32_t gen_term(struct binder *b, const struct term *t, int32_t if_true, int32_t if_false)
{
   static const char *const pairs[][2] = {
       [SUBJECT_PORT] = {"SRC_PORT", "DST_PORT"}, [SUBJECT_HOST] = {"SRC_IP", "DST_IP"}};
   bool pair = t->subject == SUBJECT_PORT || t->subject == SUBJECT_HOST;
   struct field f[2] = {find_field(b, pair ? pairs[t->subject][0] : t->field)};
   if (pair) {
      f[1] = find_field(b, pairs[t->subject][1]);
   }
   if (f[0].tmplt == NULL && f[1].tmplt == NULL) {
      warn(b, t, NM_FILTER_NO_FIELD,
           "%s is not present in input format. Corresponding rule will always evaluate false.", t->field);
      return if_false;
   }
   switch (t->subject) {
   case SUBJECT_PORT: return gen_either(b, f, t, t->op, if_true, if_false);
   case SUBJECT_HOST:
      return t->array ? gen_either(b, f, t, OP_IN, if_true, if_false) : gen_host(b, f, t, if_true, if_false);
   case SUBJECT_PROTOCOL: return gen_protocol(b, &f[0], t, if_true, if_false);
   default: return gen_field(b, &f[0], t, t->op, if_true, if_false);
   }
}

/* ------------------------------------------------------------------- nodes */

static int32_t gen_node(struct binder *b, const struct node *node, int32_t if_true, int32_t if_false)
{
   int32_t next_and = if_true, next_or = if_false, entry = if_true;
   switch (node->kind) {
   case NODE_TRUE: return if_true;
   case NODE_FALSE: return if_false;
   case NODE_NOT: return gen_node(b, node->nodes, if_false, if_true);
   case NODE_TERM: return gen_term(b, node->term, if_true, if_false);
   case NODE_LIST: break;
   }
   /* What is true so far goes on at the next AND, what is false at the next OR. */
   for (size_t i = node->n_nodes; i-- > 0;) {
      entry = gen_node(b, &node->nodes[i], next_and, next_or);
      if (node->nodes[i].follows_or) {
         next_or = entry;
      } else {
         next_and = entry;
      }
   }
   return entry;
}

NM_PUBLIC nm_matcher_t *nm_filter_bind(const nm_filter_t *filter, const ur_template_t *tmplt,
                                       const ur_template_t *defaults, const void *values,
                                       nm_filter_warn_fn warn_fn, void *arg)
{
   nm_matcher_t *m = calloc(1, sizeof(*m));
   struct binder b = {.matcher = m, .tmplt = tmplt, .warn = warn_fn, .arg = arg};
   if (m == NULL || (m->never = calloc(filter->n_terms + 1, sizeof(*m->never))) == NULL) {
      free(m);
      return NULL;
   }
   if (values != NULL) {
      b.defaults = defaults;
      b.values = values;
   }
   m->entry = gen_node(&b, &filter->root, ACCEPT, REJECT);
   if (b.failed) {
      nm_matcher_free(m);
      return NULL;
   }
   return m;
}

NM_PUBLIC void nm_matcher_free(nm_matcher_t *m)
{
   if (m != NULL) {
      for (uint32_t i = 0; i < m->n_steps; i++) {
         set_free(&m->steps[i]);
      }
      free(m->steps);
      free(m->never);
      free(m);
   }
}
