/* SPDX-License-Identifier: BSD-3-Clause */
/** Data formats: the hello message, comparison of specifiers, negotiation of an input. */
#include "internal.h"

#include <arpa/inet.h>
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

int hello_parse(const uint8_t header[8], uint8_t *type, uint32_t *spec_length)
{
   uint32_t be;
   memcpy(&be, header + 4, 4);
   *type = header[0];
   *spec_length = ntohl(be);
   if (*spec_length > HELLO_MAX_SPEC) {
      LOG_ERROR("Negotiation failed: the specifier has %u bytes, expected at most %u.", *spec_length,
                HELLO_MAX_SPEC);
      return TRAP_E_NEGOTIATION_FAILED;
   }
   return TRAP_E_OK;
}

/* What the sender's format means for the input: OK, CHANGED or MISMATCH. */
static trap_in_ifc_state_t judge_unirec(const struct trap_input *in, const char *spec)
{
   const char *want = in->required_spec != NULL ? in->required_spec : "";
   int length;
   if (spec == NULL || *spec == 0) {
      LOG_ERROR("Negotiation failed: the sender announces no field.");
      return FMT_MISMATCH;
   }
   const char *missing = missing_item(spec, want, &length);
   if (missing != NULL) {
      LOG_ERROR("Negotiation failed: the sender does not offer the required field '%.*s'.", length, missing);
      return FMT_MISMATCH;
   }
   if (strlen(spec) > strlen(want)) {
      return FMT_CHANGED;
   }
   if (in->negotiated && trap_ctx_cmp_data_fmt(in->format_spec, spec) != TRAP_E_OK) {
      return FMT_CHANGED;
   }
   return FMT_OK;
}

static trap_in_ifc_state_t judge_json(const struct trap_input *in, const char *spec)
{
   const char *have = spec != NULL ? spec : "";
   if (in->required_spec != NULL && *in->required_spec != 0) {
      return strcmp(in->required_spec, have) == 0 ? FMT_OK : FMT_MISMATCH;
   }
   const char *old = in->format_spec != NULL ? in->format_spec : "";
   return in->negotiated && strcmp(old, have) != 0 ? FMT_CHANGED : FMT_OK;
}

int input_negotiate(struct trap_input *in, uint8_t type, char *spec)
{
   trap_in_ifc_state_t state = FMT_MISMATCH;
   if (type != in->required_type || type == TRAP_FMT_UNKNOWN) {
      LOG_ERROR("Negotiation failed: the sender's data type is %u, required is %u.", type, in->required_type);
   } else if (type == TRAP_FMT_RAW) {
      state = FMT_OK;
   } else if (type == TRAP_FMT_UNIREC) {
      state = judge_unirec(in, spec);
   } else if (type == TRAP_FMT_JSON) {
      state = judge_json(in, spec);
   }
   in->state = state;
   if (state == FMT_MISMATCH) {
      free(spec);
      return TRAP_E_FORMAT_MISMATCH;
   }
   free(in->format_spec);
   in->format_spec = type == TRAP_FMT_RAW ? NULL : spec;
   if (type == TRAP_FMT_RAW) {
      free(spec);
   }
   in->format_type = type;
   in->negotiated = true;
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
