/* SPDX-License-Identifier: BSD-3-Clause */
/** The interface of liburfilter over <nemea/filter.h>. */
#include "liburfilter.h"

#include <stdlib.h>
#include <string.h>
#include <nemea/filter.h>

#define PUBLIC __attribute__((visibility("default")))

/* What urfilter_t.tree points to. */
struct tree {
   nm_filter_t *filter;
   nm_matcher_t *matcher;
   const ur_template_t *tmplt; /* that the matcher was made for, */
   ur_template_t copy;         /* and what it looked like: its place may be used again for another one */
   int16_t *ids;
};

PUBLIC urfilter_t *urfilter_create(const char *filter_str, const char *ifc_identifier)
{
   urfilter_t *f = calloc(1, sizeof(*f));
   if (f == NULL) {
      return NULL;
   }
   f->ifc_identifier = ifc_identifier;
   if (filter_str != NULL && *filter_str != 0 && (f->filter = strdup(filter_str)) == NULL) {
      free(f);
      return NULL;
   }
   return f;
}

PUBLIC int urfilter_compile(urfilter_t *f)
{
   nm_filter_error_t error;
   if (f->filter == NULL) {
      fprintf(stderr, "[URFilter] Unable to compile filter rule. No string filter given.\n");
      return URFILTER_ERROR;
   }
   if (f->tree != NULL) {
      return URFILTER_TRUE;
   }
   struct tree *t = calloc(1, sizeof(*t));
   if (t == NULL) {
      return URFILTER_ERROR;
   }
   t->filter = nm_filter_parse(f->filter, NULL, NULL, &error);
   if (t->filter == NULL) {
      fprintf(stderr, "[URFilter] Syntax error in filter: %s: %s at byte %zu.\n", f->filter, error.text,
              error.offset);
      free(t);
      return URFILTER_ERROR;
   }
   f->tree = t;
   return URFILTER_TRUE;
}

static void print_warning(void *arg, enum nm_filter_warning kind, size_t offset, const char *text)
{
   (void) arg;
   (void) kind;
   (void) offset;
   printf("Warning: %s\n", text);
}

static void forget_matcher(struct tree *t)
{
   nm_matcher_free(t->matcher);
   free(t->ids);
   t->matcher = NULL;
   t->ids = NULL;
}

/* Is this still the template that the matcher was made for? */
static bool is_bound(const struct tree *t, const ur_template_t *tmplt)
{
   return t->tmplt == tmplt && t->matcher != NULL && t->copy.count == tmplt->count &&
          t->copy.static_size == tmplt->static_size &&
          memcmp(t->ids, tmplt->ids, tmplt->count * sizeof(*t->ids)) == 0;
}

static int bind_to(struct tree *t, const ur_template_t *tmplt)
{
   forget_matcher(t);
   t->matcher = nm_filter_bind(t->filter, tmplt, NULL, NULL, print_warning, NULL);
   t->ids = malloc((tmplt->count + 1u) * sizeof(*t->ids));
   if (t->matcher == NULL || t->ids == NULL) {
      forget_matcher(t);
      return URFILTER_ERROR;
   }
   memcpy(t->ids, tmplt->ids, tmplt->count * sizeof(*t->ids));
   t->tmplt = tmplt;
   t->copy = *tmplt;
   return URFILTER_TRUE;
}

PUBLIC int urfilter_match(urfilter_t *f, const ur_template_t *tmplt, const void *record)
{
   if (f->filter == NULL) {
      return URFILTER_TRUE;
   }
   if (f->tree == NULL && urfilter_compile(f) != URFILTER_TRUE) {
      return URFILTER_ERROR;
   }
   struct tree *t = f->tree;
   if (!is_bound(t, tmplt) && bind_to(t, tmplt) != URFILTER_TRUE) {
      return URFILTER_ERROR;
   }
   return nm_matcher_match(t->matcher, record) ? URFILTER_TRUE : URFILTER_FALSE;
}

PUBLIC void urfilter_destroy(urfilter_t *f)
{
   if (f == NULL) {
      return;
   }
   struct tree *t = f->tree;
   if (t != NULL) {
      forget_matcher(t);
      nm_filter_free(t->filter);
      free(t);
   }
   free(f->filter);
   free(f);
}
