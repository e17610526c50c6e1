/* SPDX-License-Identifier: BSD-3-Clause */
/** Templates of interfaces. The only file of UniRec that calls libtrap. */
#include "internal.h"

#include <nemea-common/nc_text.h>

UR_PUBLIC int ur_ctx_set_input_template(trap_ctx_t *ctx, int ifc, ur_template_t *tmplt)
{
   if (tmplt == NULL) {
      return UR_OK;
   }
   char *spec = ur_template_string(tmplt);
   if (spec == NULL) {
      return UR_E_MEMORY;
   }
   bool out = tmplt->direction == UR_TMPLT_DIRECTION_OUT || tmplt->direction == UR_TMPLT_DIRECTION_BI;
   tmplt->direction = out ? UR_TMPLT_DIRECTION_BI : UR_TMPLT_DIRECTION_IN;
   trap_ctx_set_required_fmt(ctx, (uint32_t) ifc, TRAP_FMT_UNIREC, spec);
   free(spec);
   return UR_OK;
}

UR_PUBLIC int ur_ctx_set_output_template(trap_ctx_t *ctx, int ifc, ur_template_t *tmplt)
{
   if (tmplt == NULL) {
      return UR_OK;
   }
   char *spec = ur_template_string(tmplt);
   if (spec == NULL) {
      return UR_E_MEMORY;
   }
   bool in = tmplt->direction == UR_TMPLT_DIRECTION_IN || tmplt->direction == UR_TMPLT_DIRECTION_BI;
   tmplt->direction = in ? UR_TMPLT_DIRECTION_BI : UR_TMPLT_DIRECTION_OUT;
   tmplt->ifc_out = (uint32_t) ifc;
   trap_ctx_set_data_fmt(ctx, (uint32_t) ifc, TRAP_FMT_UNIREC, spec);
   free(spec);
   return UR_OK;
}

UR_PUBLIC ur_template_t *ur_ctx_create_input_template(trap_ctx_t *ctx, int ifc, const char *fields,
                                                      char **errstr)
{
   ur_template_t *t = ur_create_template(fields, errstr);
   if (t != NULL && ur_ctx_set_input_template(ctx, ifc, t) != UR_OK) {
      ur_free_template(t);
      return NULL;
   }
   return t;
}

UR_PUBLIC ur_template_t *ur_ctx_create_output_template(trap_ctx_t *ctx, int ifc, const char *fields,
                                                       char **errstr)
{
   ur_template_t *t = ur_create_template(fields, errstr);
   if (t != NULL && ur_ctx_set_output_template(ctx, ifc, t) != UR_OK) {
      ur_free_template(t);
      return NULL;
   }
   return t;
}

UR_PUBLIC ur_template_t *ur_ctx_create_bidirectional_template(trap_ctx_t *ctx, int ifc_in, int ifc_out,
                                                              const char *fields, char **errstr)
{
   ur_template_t *t = ur_ctx_create_input_template(ctx, ifc_in, fields, errstr);
   if (t != NULL && ur_ctx_set_output_template(ctx, ifc_out, t) != UR_OK) {
      ur_free_template(t);
      return NULL;
   }
   return t;
}

/* \param spec set to the input's format, NULL if there is none */
static int follow(trap_ctx_t *ctx, uint32_t ifc, ur_template_t **tmplt, const char **spec)
{
   uint8_t type = TRAP_FMT_UNKNOWN;
   *spec = NULL;
   if (trap_ctx_get_data_fmt(ctx, TRAPIFC_INPUT, ifc, &type, spec) != TRAP_E_OK || *spec == NULL) {
      return UR_E_INVALID_PARAMETER;
   }
   ur_template_t *t = ur_define_fields_and_update_template(*spec, *tmplt);
   if (t == NULL) {
      return UR_E_TYPE_MISMATCH;
   }
   *tmplt = t;
   if (t->direction == UR_TMPLT_DIRECTION_BI) {
      trap_ctx_set_data_fmt(ctx, t->ifc_out, TRAP_FMT_UNIREC, *spec);
   }
   return UR_OK;
}

UR_PUBLIC int ur_ctx_follow_format(trap_ctx_t *ctx, uint32_t ifc, ur_template_t **tmplt)
{
   const char *spec;
   int rc = follow(ctx, ifc, tmplt, &spec);
   if (rc == UR_E_INVALID_PARAMETER) {
      fprintf(stderr, "Data format was not loaded.\n");
   } else if (rc != UR_OK) {
      nc_text_line(
          stderr, "",
          "Template could not be edited: format \"%s\" of input %u has a field of another type than in this "
          "module, or is not a template.",
          spec, ifc);
   }
   return rc;
}

UR_PUBLIC int ur_ctx_receive(trap_ctx_t *ctx, uint32_t ifc, const void **data, uint16_t *size,
                             ur_template_t **tmplt)
{
   bool changed = false;
   for (;;) {
      int rc = trap_ctx_recv(ctx, ifc, data, size);
      if (rc != TRAP_E_OK && rc != TRAP_E_FORMAT_CHANGED) {
         return rc;
      }
      changed |= rc == TRAP_E_FORMAT_CHANGED;
      const char *spec;
      if (rc == TRAP_E_FORMAT_CHANGED && follow(ctx, ifc, tmplt, &spec) != UR_OK) {
         /* A peer must not end a module; a file, however, has no better format to offer. */
         if (trap_ctx_refuse_format(ctx, ifc) != TRAP_E_OK) {
            ur_ctx_follow_format(ctx, ifc, tmplt); /* prints the reason */
            return TRAP_E_FORMAT_MISMATCH;
         }
         changed = false;
         continue;
      }
      if (*size <= 1 || *tmplt == NULL || ur_rec_check(*tmplt, *data, *size)) {
         return changed ? TRAP_E_FORMAT_CHANGED : TRAP_E_OK;
      }
      /* Skips records that do not match their template. */
   }
}
