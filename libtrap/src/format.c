/* SPDX-License-Identifier: BSD-3-Clause */
/** Data formats: the hello message, comparison of specifiers, negotiation of an input. */
#include "internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

TRAP_PUBLIC const char *trap_get_type_and_name_from_string(const char *source, const char **name,
                                                           const char **type, int *length_name,
                                                           int *length_type)
{
   const char *p = source;
   while (*p == ' ' || *p == ',') {
      p++;
   }
   *type = p;
   while (*p != 0 && *p != ' ' && *p != ',') {
      p++;
   }
   *length_type = (int) (p - *type);
   while (*p == ' ') {
      p++;
   }
   *name = p;
   while (*p != 0 && *p != ',' && *p != ' ') {
      p++;
   }
   *length_name = (int) (p - *name);
   while (*p == ' ' || *p == ',') {
      p++;
   }
   return p;
}

static bool has_item(const char *list, const char *type, int type_len, const char *name, int name_len)
{
   while (*list != 0) {
      const char *n, *t;
      int nl, tl;
      list = trap_get_type_and_name_from_string(list, &n, &t, &nl, &tl);
      if (nl == name_len && tl == type_len && memcmp(n, name, (size_t) nl) == 0 &&
          memcmp(t, type, (size_t) tl) == 0) {
         return true;
      }
   }
   return false;
}

/* First item of want that have lacks, or NULL; the length of "type name" goes to *length. */
static const char *missing_item(const char *have, const char *want, int *length)
{
   while (*want != 0) {
      const char *name, *type;
      int name_len, type_len;
      want = trap_get_type_and_name_from_string(want, &name, &type, &name_len, &type_len);
      if (type_len > 0 && !has_item(have, type, type_len, name, name_len)) {
         *length = (int) (name + name_len - type);
         return type;
      }
   }
   return NULL;
}

TRAP_PUBLIC int trap_ctx_cmp_data_fmt(const char *sender, const char *receiver)
{
   int length;
   if (sender == NULL) {
      return receiver == NULL ? TRAP_E_OK : TRAP_E_FIELDS_MISMATCH;
   }
   if (receiver == NULL) {
      return TRAP_E_FIELDS_SUBSET;
   }
   if (missing_item(sender, receiver, &length) != NULL) {
      return TRAP_E_FIELDS_MISMATCH;
   }
   return strlen(sender) > strlen(receiver) ? TRAP_E_FIELDS_SUBSET : TRAP_E_OK;
}

size_t hello_make(uint8_t type, const char *spec, uint8_t **hello)
{
   size_t length = spec != NULL ? strlen(spec) : 0;
   uint8_t *p = calloc(1, 8 + length);
   *hello = p;
   if (p == NULL) {
      return 0;
   }
   uint32_t be = htonl((uint32_t) length);
   p[0] = type;
   memcpy(p + 4, &be, 4);
   if (length > 0) {
      memcpy(p + 8, spec, length);
   }
   return 8 + length;
}

/* So much of a hello is checked before anything is done with it. */
int hello_parse(const uint8_t header[8], uint8_t *type, uint32_t *spec_length, char why[FORMAT_REASON])
{
   uint32_t be;
   memcpy(&be, header + 4, 4);
   *type = header[0];
   *spec_length = ntohl(be);
   if (*type > TRAP_FMT_JSON) {
      snprintf(why, FORMAT_REASON, "no TRAP stream (data type %u, expected at most %d)", *type,
               TRAP_FMT_JSON);
      return TRAP_E_NEGOTIATION_FAILED;
   }
   if (*spec_length > HELLO_MAX_SPEC) {
      snprintf(why, FORMAT_REASON, "the format's specifier has %u bytes, expected at most %u", *spec_length,
               HELLO_MAX_SPEC);
      return TRAP_E_NEGOTIATION_FAILED;
   }
   return TRAP_E_OK;
}

/* --------------------------------------------------------- UniRec specifiers of senders */

#define MAX_FIELDS 1024 /* of a sender's format: fields take room in the process's registry */

struct field {
   const char *name, *type;
   int name_length, type_length;
};

/* Bytes of a type in the fixed part of a record; variable ones have 4 there. 0: no type */
static uint32_t type_size(const struct field *f)
{
   static const struct {
      const char *name;
      uint32_t size;
   } types[] = {{"char", 1},   {"uint8", 1},   {"int8", 1},    {"uint16", 2}, {"int16", 2},
                {"uint32", 4}, {"int32", 4},   {"uint64", 8},  {"int64", 8},  {"float", 4},
                {"double", 8}, {"ipaddr", 16}, {"macaddr", 6}, {"time", 8}};
   bool array = f->type_length > 0 && f->type[f->type_length - 1] == '*';
   size_t length = (size_t) f->type_length - array;
   if (!array && ((length == 6 && memcmp(f->type, "string", 6) == 0) ||
                  (length == 5 && memcmp(f->type, "bytes", 5) == 0))) {
      return 4;
   }
   for (size_t i = array; i < sizeof(types) / sizeof(types[0]); i++) { /* there is no char* */
      if (strncmp(types[i].name, f->type, length) == 0 && types[i].name[length] == 0) {
         return array ? 4 : types[i].size;
      }
   }
   return 0;
}

static bool good_name(const struct field *f)
{
   bool good = f->name_length > 0 && isalpha((unsigned char) f->name[0]);
   for (int i = 1; good && i < f->name_length; i++) {
      good = isalnum((unsigned char) f->name[i]) || f->name[i] == '_';
   }
   return good;
}

static bool same_name(const struct field *a, const struct field *b)
{
   return a->name_length == b->name_length && memcmp(a->name, b->name, (size_t) a->name_length) == 0;
}

static bool same_type(const struct field *a, const struct field *b)
{
   return a->type_length == b->type_length && memcmp(a->type, b->type, (size_t) a->type_length) == 0;
}

/* Bytes of the smallest record of a sender's format, 0: no good format */
static uint32_t check_unirec(const char *spec, char why[FORMAT_REASON])
{
   struct field fields[MAX_FIELDS];
   uint32_t n = 0, size = 0;
   while (*spec != 0 && n < MAX_FIELDS) {
      struct field *f = &fields[n++];
      spec = trap_get_type_and_name_from_string(spec, &f->name, &f->type, &f->name_length, &f->type_length);
      uint32_t bytes = type_size(f);
      if (bytes == 0 || !good_name(f)) {
         snprintf(why, FORMAT_REASON, "field %u of the sender's format has no valid %s", n,
                  bytes == 0 ? "type" : "name");
         return 0;
      }
      for (uint32_t i = 0; i + 1 < n; i++) {
         if (same_name(&fields[i], f) && !same_type(&fields[i], f)) {
            snprintf(why, FORMAT_REASON,
                     "fields %u and %u of the sender's format have one name and two types", i + 1, n);
            return 0;
         }
      }
      size += bytes;
   }
   if (*spec != 0 || n == 0 || size > UINT16_MAX) {
      snprintf(why, FORMAT_REASON,
               "the sender's format has %s%u fields of %u bytes, expected 1 to %d of at most %d",
               *spec != 0 ? "more than " : "", n, size, MAX_FIELDS, UINT16_MAX);
      return 0;
   }
   return size;
}

/* ----------------------------------------------------------------------- negotiation */

void input_set_state(struct trap_input *in, trap_in_ifc_state_t state)
{
   in->state = state;
   in->plain_min = state == FMT_OK ? in->min_size : UINT32_MAX;
}

/* What the sender's format means for the input: OK, CHANGED, MISMATCH, or WAITING when it is no good format. */
static trap_in_ifc_state_t judge_unirec(const struct trap_input *in, const char *spec, uint32_t *min_size,
                                        char why[FORMAT_REASON])
{
   const char *want = in->required_spec != NULL ? in->required_spec : "";
   int length;
   *min_size = check_unirec(spec, why);
   if (*min_size == 0) {
      return FMT_WAITING;
   }
   const char *missing = missing_item(spec, want, &length);
   if (missing != NULL) {
      snprintf(why, FORMAT_REASON, "the sender does not have the required field '%.*s'", length, missing);
      return FMT_MISMATCH;
   }
   if (strlen(spec) > strlen(want)) {
      return FMT_CHANGED;
   }
   if (in->refused || (in->negotiated && trap_ctx_cmp_data_fmt(in->format_spec, spec) != TRAP_E_OK)) {
      return FMT_CHANGED;
   }
   return FMT_OK;
}

static trap_in_ifc_state_t judge_json(const struct trap_input *in, const char *spec, char why[FORMAT_REASON])
{
   if (in->required_spec != NULL && *in->required_spec != 0) {
      snprintf(why, FORMAT_REASON, "the sender's JSON texts have another name than the required '%.100s'",
               in->required_spec);
      return strcmp(in->required_spec, spec) == 0 ? FMT_OK : FMT_MISMATCH;
   }
   const char *old = in->format_spec != NULL ? in->format_spec : "";
   return in->refused || (in->negotiated && strcmp(old, spec) != 0) ? FMT_CHANGED : FMT_OK;
}

/* For inputs that take everything: what differs from before, and the first format, is a change. */
static trap_in_ifc_state_t judge_any(const struct trap_input *in, uint8_t type, const char *spec,
                                     uint32_t *min_size, char why[FORMAT_REASON])
{
   if (type == TRAP_FMT_UNIREC && (*min_size = check_unirec(spec, why)) == 0) {
      return FMT_WAITING;
   }
   bool same = in->negotiated && !in->refused && type == in->format_type &&
               (type == TRAP_FMT_RAW || strcmp(in->format_spec, spec) == 0);
   return same ? FMT_OK : FMT_CHANGED;
}

int input_negotiate(struct trap_input *in, uint8_t type, char *spec, char why[FORMAT_REASON])
{
   static const char *const types[] = {"nothing", "raw messages", "UniRec records", "JSON texts"};
   trap_in_ifc_state_t state = FMT_MISMATCH;
   uint32_t min_size = 1;
   if (in->required_type == TRAP_FMT_ANY && type != TRAP_FMT_UNKNOWN) {
      state = judge_any(in, type, spec, &min_size, why);
   } else if (type != in->required_type || type == TRAP_FMT_UNKNOWN) {
      snprintf(why, FORMAT_REASON, "the sender sends %s, required are %s", types[type],
               in->required_type == TRAP_FMT_ANY ? "messages" : types[in->required_type]);
   } else if (type == TRAP_FMT_RAW) {
      state = FMT_OK;
   } else if (type == TRAP_FMT_UNIREC) {
      state = judge_unirec(in, spec, &min_size, why);
   } else {
      state = judge_json(in, spec, why);
   }
   in->min_size = state == FMT_OK || state == FMT_CHANGED ? (uint16_t) min_size : 1;
   in->untold |= state == FMT_CHANGED;
   state = state == FMT_OK && in->untold ? FMT_CHANGED : state;
   input_set_state(in, state);
   if (state == FMT_MISMATCH || state == FMT_WAITING) {
      free(spec);
      return state == FMT_MISMATCH ? TRAP_E_FORMAT_MISMATCH : TRAP_E_NEGOTIATION_FAILED;
   }
   free(in->format_spec);
   in->format_spec = type == TRAP_FMT_RAW ? NULL : spec;
   if (type == TRAP_FMT_RAW) {
      free(spec);
   }
   in->format_type = type;
   in->negotiated = true;
   in->refused = false;
   return TRAP_E_OK;
}

TRAP_PUBLIC int trap_check_buffer_content(void *buffer, uint32_t size)
{
   const uint8_t *p = buffer;
   while (size >= 2) {
      uint32_t length = 2 + ((uint32_t) p[0] << 8 | p[1]);
      if (length > size) {
         return 1;
      }
      p += length;
      size -= length;
   }
   return size != 0;
}
