/* SPDX-License-Identifier: BSD-3-Clause */
/** Fuzz target: filter expressions, bound to a template of many types and matched against a record. What matches must not
 * match under NOT, and parentheses change nothing. */
#include <stdlib.h>
#include <string.h>
#include <nemea/filter.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS                                                                                             \
   "uint8 U8,uint16 SRC_PORT,uint16 DST_PORT,uint32 U32,uint64 U64,int8 I8,int16 I16,int32 I32,int64 I64," \
   "char CH,float F,double D,ipaddr SRC_IP,ipaddr DST_IP,macaddr MAC,time TIME,string URL,bytes RAW,"      \
   "uint8 PROTOCOL,uint16* LIST"

static void ignore(void *arg, enum nm_filter_warning kind, size_t offset, const char *text)
{
   const char *expression = arg;
   (void) kind;
   if (offset > strlen(expression) || strchr(text, '\n') != NULL) {
      abort();
   }
}

static int result(const char *text, const ur_template_t *t, const void *rec, char **normal)
{
   nm_filter_error_t error;
   nm_filter_t *filter = nm_filter_parse(text, ignore, (void *) (uintptr_t) text, &error);
   if (filter == NULL) {
      if (error.text[0] == 0 || error.offset > strlen(text) || strchr(error.text, '\n') != NULL) {
         abort();
      }
      return -1;
   }
   nm_matcher_t *m = nm_filter_bind(filter, t, NULL, NULL, ignore, (void *) (uintptr_t) text);
   int matched = nm_matcher_match(m, rec);
   if (normal != NULL) {
      *normal = nm_filter_text(filter, m, "", "");
   }
   nm_matcher_free(m);
   nm_filter_free(filter);
   return matched;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
   if (size > 4096 || memchr(data, 0, size) != NULL || ur_define_set_of_fields(FIELDS) != UR_OK) {
      return 0;
   }
   ur_template_t *t = ur_create_template_from_ifc_spec(FIELDS);
   void *rec = ur_create_record(t, 64);
   ur_set_var(t, rec, ur_get_id_by_name("URL"), "http://a", 8);
   ur_set_from_string(t, rec, (ur_field_id_t) ur_get_id_by_name("SRC_IP"), "10.1.2.3");
   char *text = malloc(size + 1), *not = malloc(size + 8), *normal = NULL;
   memcpy(text, data, size);
   text[size] = 0;
   int matched = result(text, t, rec, &normal);
   sprintf(not, "NOT (%s)", text);
   int opposite = result(not, t, rec, NULL);
   if (matched >= 0 && opposite >= 0 && matched == opposite) {
      abort();
   }
   free(normal);
   free(not );
   free(text);
   ur_free_record(rec);
   ur_free_template(t);
   ur_finalize();
   return 0;
}
