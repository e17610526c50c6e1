/* SPDX-License-Identifier: BSD-3-Clause */
/** Values of alerts, read from records and from JSON. */
#include <jansson.h>
#include <nemea-common/nc_text.h>
#include <nemea/alert.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEY   64
#define MAX_DEPTH 16 /* of arrays and objects that a path leads through */

/** A value: of a record's field, an element of it, or of JSON. */
struct value {
   ur_field_type_t type;
   const void *at; /* in a record, not aligned */
   size_t length;
   const json_t *json; /* NULL: in a record */
};

/* What to do with each value of a name. */
struct visit {
   void (*take)(void *context, const struct value *v);
   void *context;
};

static void visit_json(const json_t *json, const char *path, unsigned depth, const struct visit *visit)
{
   if (json == NULL || depth > MAX_DEPTH) {
      return;
   }
   if (json_is_array(json)) {
      for (size_t i = 0; i < json_array_size(json); i++) {
         visit_json(json_array_get(json, i), path, depth + 1, visit);
      }
      return;
   }
   if (*path == 0) {
      if (!json_is_null(json)) {
         visit->take(visit->context, &(struct value){.json = json});
      }
      return;
   }
   char key[MAX_KEY];
   size_t length = strcspn(path, ".");
   if (!json_is_object(json) || length >= sizeof(key)) {
      return;
   }
   memcpy(key, path, length);
   key[length] = 0;
   visit_json(json_object_get(json, key), path + length + (path[length] == '.'), depth + 1, visit);
}

static void visit_field(const struct alert *a, const char *name, const struct visit *visit)
{
   int i = ur_layout_find(a->layout, name);
   if (i < 0) {
      return;
   }
   uint16_t length = 0;
   const uint8_t *at = ur_layout_get(a->layout, a->rec, i, &length);
   ur_field_type_t type = ur_layout_type(a->layout, i);
   ur_field_type_t element = (ur_field_type_t) ur_field_array_elem_type[type];
   size_t size = element != type ? (size_t) ur_field_type_size[element] : length;
   if (element == type) {
      visit->take(visit->context, &(struct value){.type = type, .at = at, .length = length});
      return;
   }
   for (size_t n = 0; n + size <= length; n += size) {
      visit->take(visit->context, &(struct value){.type = element, .at = at + n, .length = size});
   }
}

static void visit_all(const struct alert *a, const char *name, void (*take)(void *, const struct value *),
                      void *context)
{
   const struct visit visit = {.take = take, .context = context};
   if (a->json != NULL) {
      visit_json(a->json, name, 0, &visit);
   } else if (a->layout != NULL) {
      visit_field(a, name, &visit);
   }
}

static void take_first(void *context, const struct value *v)
{
   struct value *first = context;
   if (first->json == NULL && first->at == NULL) {
      *first = *v;
   }
}

/* \return false: there is none */
static bool first_value(const struct alert *a, const char *name, struct value *v)
{
   *v = (struct value){.length = 0};
   visit_all(a, name, take_first, v);
   return v->json != NULL || v->at != NULL;
}

/* -------------------------------------------------------------------- numbers */

static bool number_of_json(const json_t *json, uint64_t *to)
{
   const char *text = json_string_value(json);
   if (json_is_integer(json)) {
      *to = json_integer_value(json) > 0 ? (uint64_t) json_integer_value(json) : 0;
      return true;
   }
   if (json_is_real(json)) {
      double real = json_real_value(json);
      *to = real > 0 && real < 1.8e19 ? (uint64_t) real : 0;
      return true;
   }
   if (text == NULL || *text < '0' || *text > '9') {
      return false;
   }
   char *end = NULL;
   *to = strtoull(text, &end, 10);
   return *end == 0;
}

static bool number_of(const struct value *v, uint64_t *to)
{
   uint16_t u16;
   uint32_t u32;
   *to = 0;
   if (v->json != NULL) {
      return number_of_json(v->json, to);
   }
   int64_t wide = 0;
   switch (v->type) { /* values in records are not aligned */
   case UR_TYPE_UINT8: *to = *(const uint8_t *) v->at; return true;
   case UR_TYPE_UINT16:
      memcpy(&u16, v->at, sizeof(u16));
      *to = u16;
      return true;
   case UR_TYPE_UINT32:
      memcpy(&u32, v->at, sizeof(u32));
      *to = u32;
      return true;
   case UR_TYPE_UINT64: memcpy(to, v->at, sizeof(*to)); return true;
   case UR_TYPE_INT8: wide = *(const int8_t *) v->at; break;
   case UR_TYPE_INT16:
      memcpy(&u16, v->at, sizeof(u16));
      wide = (int16_t) u16;
      break;
   case UR_TYPE_INT32:
      memcpy(&u32, v->at, sizeof(u32));
      wide = (int32_t) u32;
      break;
   case UR_TYPE_INT64: memcpy(&wide, v->at, sizeof(wide)); break;
   default: return false;
   }
   *to = wide > 0 ? (uint64_t) wide : 0;
   return true;
}

uint64_t alert_number(const struct alert *a, const char *name)
{
   struct value v;
   uint64_t number = 0;
   return first_value(a, name, &v) && number_of(&v, &number) ? number : 0;
}

double alert_real(const struct alert *a, const char *name)
{
   struct value v;
   float f;
   double d = 0;
   uint64_t number = 0;
   if (!first_value(a, name, &v)) {
      return 0;
   }
   if (v.json != NULL) {
      return json_number_value(v.json);
   }
   switch (v.type) {
   case UR_TYPE_FLOAT: memcpy(&f, v.at, sizeof(f)); return (double) f;
   case UR_TYPE_DOUBLE: memcpy(&d, v.at, sizeof(d)); return d;
   default: return number_of(&v, &number) ? (double) number : 0;
   }
}

/* ---------------------------------------------------------- addresses and times */

static bool ip_of(const struct value *v, ip_addr_t *ip)
{
   if (v->json != NULL) {
      const char *text = json_string_value(v->json);
      return text != NULL && ip_from_str(text, ip) != 0;
   }
   if (v->type != UR_TYPE_IP) {
      return false;
   }
   memcpy(ip, v->at, sizeof(*ip));
   return true;
}

ip_addr_t alert_ip(const struct alert *a, const char *name)
{
   static const ip_addr_t zero;
   struct value v;
   ip_addr_t ip = zero;
   return first_value(a, name, &v) && ip_of(&v, &ip) ? ip : zero;
}

static ur_time_t time_of_json(const json_t *json)
{
   ur_time_t t = 0;
   double seconds = json_number_value(json);
   if (json_is_string(json)) {
      const char *text = json_string_value(json);
      char *end = NULL;
      if (ur_time_from_string(&t, text) == 0) {
         return t;
      }
      seconds = *text >= '0' && *text <= '9' ? strtod(text, &end) : 0;
      seconds = end != NULL && *end == 0 ? seconds : 0;
   }
   if (!(seconds > 0 && seconds < UINT32_MAX)) {
      return 0;
   }
   uint32_t whole = (uint32_t) seconds;
   return ur_time_from_sec_usec(whole, (uint64_t) ((seconds - whole) * 1e6));
}

ur_time_t alert_time(const struct alert *a, const char *name)
{
   struct value v;
   ur_time_t t = 0;
   if (!first_value(a, name, &v)) {
      return 0;
   }
   if (v.json != NULL) {
      return time_of_json(v.json);
   }
   if (v.type == UR_TYPE_TIME) {
      memcpy(&t, v.at, sizeof(t));
   }
   return t;
}

/* ---------------------------------------------------------------------- others */

const char *alert_string(const struct alert *a, const char *name, size_t *length)
{
   struct value v;
   *length = 0;
   if (!first_value(a, name, &v)) {
      return NULL;
   }
   if (v.json != NULL && json_is_string(v.json)) {
      *length = json_string_length(v.json);
      return json_string_value(v.json);
   }
   if (v.json == NULL && v.type == UR_TYPE_STRING) {
      *length = v.length;
      return v.at;
   }
   return NULL;
}

char *alert_text(const struct alert *a, const char *name, char *to, size_t size)
{
   size_t length;
   const char *text = alert_string(a, name, &length);
   to[0] = 0;
   if (text != NULL) {
      nc_text_terminal(to, size, text, length);
   }
   return to;
}

bool alert_has(const struct alert *a, const char *name)
{
   struct value v;
   return first_value(a, name, &v);
}

struct many {
   ip_addr_t *ips; /* NULL: numbers */
   uint64_t *numbers;
   unsigned n, room;
   uint64_t all;
};

static void take_many(void *context, const struct value *v)
{
   struct many *m = context;
   ip_addr_t ip;
   uint64_t number;
   m->all++;
   if (m->n == m->room) {
      return;
   }
   if (m->ips != NULL && ip_of(v, &ip)) {
      m->ips[m->n++] = ip;
   } else if (m->numbers != NULL && number_of(v, &number)) {
      m->numbers[m->n++] = number;
   }
}

unsigned alert_ips(const struct alert *a, const char *name, ip_addr_t *to, unsigned room, uint64_t *all)
{
   struct many m = {.ips = to, .room = room};
   visit_all(a, name, take_many, &m);
   *all = m.all;
   return m.n;
}

unsigned alert_numbers(const struct alert *a, const char *name, uint64_t *to, unsigned room, uint64_t *all)
{
   struct many m = {.numbers = to, .room = room};
   visit_all(a, name, take_many, &m);
   *all = m.all;
   return m.n;
}
