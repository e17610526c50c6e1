/* SPDX-License-Identifier: BSD-3-Clause */
/** Reads rules: "uint32 ID,string NAME="none": DST_PORT == 53;" */
#include "rules.h"

#include <ctype.h>
#include <errno.h>

static bool fail(struct rule_error *error, int kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(struct rule_error *error, int kind, const char *format, ...)
{
   va_list ap;
   va_start(ap, format);
   error->kind = kind;
   vsnprintf(error->text, sizeof(error->text), format, ap);
   va_end(ap);
   return false;
}

/* Position of the first of these characters outside double quotes; the end of the text if there is none. */
static const char *find(const char *p, const char *end, char wanted)
{
   bool quoted = false;
   for (; p < end && (quoted || *p != wanted); p++) {
      if (*p == '\\' && p + 1 < end) {
         p++;
      } else if (*p == '"') {
         quoted = !quoted;
      }
   }
   return p < end ? p : end;
}

/* A copy without blanks around it. NULL without memory. */
static char *trimmed(const char *begin, const char *end)
{
   while (begin < end && isspace((unsigned char) *begin)) {
      begin++;
   }
   while (end > begin && isspace((unsigned char) end[-1])) {
      end--;
   }
   return strndup(begin, (size_t) (end - begin));
}

/* ---------------------------------------------------------------- templates */

/* Takes the quotes off, and the backslash from what it keeps from ending the text. */
static void unquote(char *text)
{
   size_t length = strlen(text);
   if (length < 2 || text[0] != '"' || text[length - 1] != '"') {
      return;
   }
   char *to = text;
   for (const char *p = text + 1; p < text + length - 1; p++) {
      if (*p == '\\' && (p[1] == '"' || p[1] == '\\') && p + 2 < text + length) {
         p++;
      }
      *to++ = *p;
   }
   *to = 0;
}

static const char *last_word(const char *begin, const char *end)
{
   while (end > begin && isspace((unsigned char) end[-1])) {
      end--;
   }
   while (end > begin && !isspace((unsigned char) end[-1])) {
      end--;
   }
   return end;
}

/* "type NAME=value": appends "type NAME" to the fields, keeps the default. */
static bool add_field(struct rule *r, FILE *fields, const char *begin, const char *end,
                      struct rule_error *error)
{
   const char *equals = find(begin, end, '=');
   char *field = trimmed(begin, equals);
   if (field == NULL) {
      return fail(error, RULE_MEMORY, "out of memory");
   }
   fprintf(fields, "%s%s", ftell(fields) > 0 ? "," : "", field);
   bool ok = true;
   if (equals < end) {
      struct default_value *grow = realloc(r->defaults, (r->n_defaults + 1) * sizeof(*grow));
      char *name = strdup(last_word(field, field + strlen(field))), *value = trimmed(equals + 1, end);
      r->defaults = grow != NULL ? grow : r->defaults;
      if (grow == NULL || name == NULL || value == NULL) {
         free(name);
         free(value);
         ok = fail(error, RULE_MEMORY, "out of memory");
      } else {
         unquote(value);
         r->defaults[r->n_defaults++] = (struct default_value){name, value};
      }
   }
   free(field);
   return ok;
}

static bool parse_template(struct rule *r, const char *begin, const char *end, struct rule_error *error)
{
   char *text = trimmed(begin, end);
   size_t size = 0;
   if (text == NULL || *text == 0) {
      free(text);
      return text != NULL || fail(error, RULE_MEMORY, "out of memory");
   }
   FILE *fields = open_memstream(&r->fields, &size);
   bool ok = fields != NULL || fail(error, RULE_MEMORY, "out of memory");
   const char *last = text + strlen(text);
   for (const char *p = text; ok && p <= last;) {
      const char *comma = find(p, last, ',');
      ok = add_field(r, fields, p, comma, error);
      p = comma + 1;
   }
   if (fields != NULL && fclose(fields) != 0 && ok) {
      ok = fail(error, RULE_MEMORY, "out of memory");
   }
   int rc = ok ? ur_define_set_of_fields(r->fields) : UR_OK;
   if (rc != UR_OK) {
      ok = fail(error, RULE_TEMPLATE, "template \"%s\": %s", text,
                rc == UR_E_TYPE_MISMATCH ? "a field has another type elsewhere"
                                         : "expected \"type NAME,type NAME=value\"");
   }
   free(text);
   return ok;
}

/* ------------------------------------------------------------------- rules */

static bool parse_filter(struct rule *r, const char *begin, const char *end, nm_filter_warn_fn warn,
                         void *arg, struct rule_error *error)
{
   nm_filter_error_t wrong;
   char *text = trimmed(begin, end);
   if (text == NULL) {
      return fail(error, RULE_MEMORY, "out of memory");
   }
   if (*text == 0) {
      free(text);
      text = NULL;
   }
   r->expression = text;
   r->filter = nm_filter_parse(text, warn, arg, &wrong);
   return r->filter != NULL ||
          fail(error, RULE_FILTER, "filter \"%.200s\", byte %zu: %s", text, wrong.offset, wrong.text);
}

static void rule_clear(struct rule *r)
{
   nm_matcher_free(r->matcher);
   nm_filter_free(r->filter);
   for (size_t i = 0; i < r->n_defaults; i++) {
      free(r->defaults[i].name);
      free(r->defaults[i].value);
   }
   free(r->defaults);
   free(r->fields);
   free(r->expression);
   ur_free_record(r->base);
}

void rules_free(struct rules *rules)
{
   if (rules != NULL) {
      for (uint32_t i = 0; i < rules->count; i++) {
         rule_clear(&rules->rules[i]);
      }
      free(rules->rules);
      free(rules);
   }
}

static struct rule *new_rule(struct rules *rules)
{
   struct rule *grow = realloc(rules->rules, (rules->count + 1) * sizeof(*grow));
   if (grow == NULL) {
      return NULL;
   }
   rules->rules = grow;
   grow[rules->count] = (struct rule){.fields = NULL};
   return &grow[rules->count++];
}

struct rules *rules_make(const char *tmplt, const char *expression, nm_filter_warn_fn warn, void *arg,
                         struct rule_error *error)
{
   struct rules *rules = calloc(1, sizeof(*rules));
   struct rule *r = rules != NULL ? new_rule(rules) : NULL;
   tmplt = tmplt != NULL ? tmplt : "";
   expression = expression != NULL ? expression : "";
   if (r == NULL) {
      fail(error, RULE_MEMORY, "out of memory");
   } else if (parse_template(r, tmplt, tmplt + strlen(tmplt), error) &&
              parse_filter(r, expression, expression + strlen(expression), warn, arg, error)) {
      return rules;
   }
   rules_free(rules);
   return NULL;
}

/* Blanks and comments between rules. */
static const char *skip(const char *p, const char *end)
{
   while (p < end && (isspace((unsigned char) *p) || *p == '#')) {
      const char *line = *p == '#' ? memchr(p, '\n', (size_t) (end - p)) : p;
      p = line != NULL ? line + 1 : end;
   }
   return p;
}

static bool parse_rules(struct rules *rules, const char *path, const char *text, size_t length,
                        nm_filter_warn_fn warn, void *arg, struct rule_error *error)
{
   const char *end = text + length;
   for (const char *p = skip(text, end); p < end; p = skip(p, end)) {
      const char *colon = find(p, end, ':'), *semicolon = colon < end ? find(colon + 1, end, ';') : end;
      unsigned line = 1;
      for (const char *c = text; c < p; c++) {
         line += *c == '\n';
      }
      if (semicolon == end) {
         return fail(error, RULE_FILE, "%s, line %u: a rule without \"%c\" (expected TEMPLATE:FILTER;)", path,
                     line, colon == end ? ':' : ';');
      }
      struct rule *r = new_rule(rules);
      if (r == NULL) {
         return fail(error, RULE_MEMORY, "out of memory");
      }
      if (!parse_template(r, p, colon, error) || !parse_filter(r, colon + 1, semicolon, warn, arg, error)) {
         char what[sizeof(error->text)];
         snprintf(what, sizeof(what), "%s", error->text);
         return fail(error, error->kind, "%s, line %u: %.300s", path, line, what);
      }
      p = semicolon + 1;
   }
   return true;
}

/* The whole file, with a NUL after it. */
static char *read_file(const char *path, size_t *length, struct rule_error *error)
{
   FILE *file = fopen(path, "re");
   char *text = NULL;
   *length = 0;
   for (size_t room = 4096; file != NULL && *length < MAX_RULE_FILE; room *= 2) {
      char *grow = realloc(text, room + 1);
      if (grow == NULL) {
         break;
      }
      text = grow;
      *length += fread(text + *length, 1, room - *length, file);
      text[*length] = 0;
      if (feof(file)) {
         fclose(file);
         return text;
      }
      if (ferror(file)) {
         break;
      }
   }
   if (file != NULL && *length >= MAX_RULE_FILE) {
      fail(error, RULE_FILE, "%s: more than %u bytes", path, MAX_RULE_FILE);
   } else {
      fail(error, RULE_FILE, "%s: %s", path, strerror(errno));
   }
   if (file != NULL) {
      fclose(file);
   }
   free(text);
   return NULL;
}

struct rules *rules_read(const char *path, nm_filter_warn_fn warn, void *arg, struct rule_error *error)
{
   size_t length;
   char *text = read_file(path, &length, error);
   struct rules *rules = text != NULL ? calloc(1, sizeof(*rules)) : NULL;
   if (text != NULL && rules == NULL) {
      fail(error, RULE_MEMORY, "out of memory");
   }
   if (rules != NULL && strlen(text) != length) {
      fail(error, RULE_FILE, "%s: a NUL at byte %zu", path, strlen(text));
      rules_free(rules);
      rules = NULL;
   } else if (rules != NULL && !parse_rules(rules, path, text, length, warn, arg, error)) {
      rules_free(rules);
      rules = NULL;
   }
   free(text);
   return rules;
}

bool rule_set_base(struct rule *r, const ur_template_t *out, const struct default_value **bad)
{
   *bad = NULL;
   ur_free_record(r->base);
   r->base = NULL;
   if (r->n_defaults == 0) {
      return true;
   }
   r->base = ur_create_record(out, UR_MAX_SIZE);
   for (size_t i = 0; r->base != NULL && i < r->n_defaults; i++) {
      ur_field_id_t id = (ur_field_id_t) ur_get_id_by_name(r->defaults[i].name);
      if (ur_set_from_string_strict(out, r->base, id, r->defaults[i].value) != 0) {
         *bad = &r->defaults[i];
         return false;
      }
   }
   r->base_size = r->base != NULL ? (uint32_t) ur_rec_size(out, r->base) : 0;
   return r->base != NULL;
}
