/* SPDX-License-Identifier: BSD-3-Clause */
/** Reads rules of scalar_agg. */
#include "rule.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const functions[] = {[FUNCTION_SUM] = "SUM",
                                        [FUNCTION_COUNT] = "COUNT",
                                        [FUNCTION_AVG] = "AVG",
                                        [FUNCTION_RATE] = "RATE",
                                        [FUNCTION_COUNT_UNIQ] = "COUNT_UNIQ"};

/* A part of a rule. */
struct part {
   const char *begin, *end;
};

static struct part trimmed(struct part p)
{
   while (p.begin < p.end && isspace((unsigned char) *p.begin)) {
      p.begin++;
   }
   while (p.end > p.begin && isspace((unsigned char) p.end[-1])) {
      p.end--;
   }
   return p;
}

/* Position of the next colon without a backslash, or the end. */
static const char *colon(const char *p)
{
   while (*p != 0 && *p != ':') {
      p += p[0] == '\\' && p[1] != 0 ? 2 : 1;
   }
   return p;
}

static bool is_name(struct part p)
{
   if (!isalpha((unsigned char) *p.begin)) {
      return false;
   }
   while (p.begin < p.end && (isalnum((unsigned char) *p.begin) || *p.begin == '_')) {
      p.begin++;
   }
   return p.begin == p.end;
}

static bool fail(char error[RULE_ERROR], const char *message)
{
   snprintf(error, RULE_ERROR, "%s", message);
   return false;
}

static bool syntax(char error[RULE_ERROR], const char *text, const char *at, const char *expected)
{
   snprintf(error, RULE_ERROR, "Syntax error: rule \"%.200s\", byte %zu: expected %s", text,
            (size_t) (at - text) + 1, expected);
   return false;
}

/* "FUNCTION(FIELD)" */
static bool parse_function(struct rule *rule, const char *text, struct part p, char error[RULE_ERROR])
{
   const char *open = memchr(p.begin, '(', (size_t) (p.end - p.begin));
   if (open == NULL || p.end[-1] != ')') {
      return syntax(error, text, open == NULL ? p.end : p.end - 1, "NAME:FUNCTION(FIELD)[:FILTER]");
   }
   struct part name = trimmed((struct part){p.begin, open});
   struct part field = trimmed((struct part){open + 1, p.end - 1});
   int function = -1;
   for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
      if (strlen(functions[i]) == (size_t) (name.end - name.begin) &&
          strncasecmp(functions[i], name.begin, strlen(functions[i])) == 0) {
         function = (int) i;
      }
   }
   if (function < 0) {
      return fail(error, "Error: Unknown aggregation function.");
   }
   if (field.begin == field.end || !is_name(field)) {
      return syntax(error, text, field.begin, "the name of a field in the brackets");
   }
   rule->function = (enum function) function;
   rule->field = strndup(field.begin, (size_t) (field.end - field.begin));
   return rule->field != NULL || fail(error, "out of memory");
}

/* The filter, with "\:" for a colon. */
static bool parse_filter(struct rule *rule, struct part p, nm_filter_warn_fn warn, void *arg,
                         char error[RULE_ERROR])
{
   if (p.begin == p.end) {
      return true;
   }
   char *text = malloc((size_t) (p.end - p.begin) + 1), *to = text;
   nm_filter_error_t wrong;
   if (text == NULL) {
      return fail(error, "out of memory");
   }
   for (const char *at = p.begin; at < p.end; at++) {
      at += at[0] == '\\' && at + 1 < p.end && at[1] == ':';
      *to++ = *at;
   }
   *to = 0;
   rule->filter = nm_filter_parse(text, warn, arg, &wrong);
   free(text);
   if (rule->filter == NULL) {
      snprintf(error, RULE_ERROR, "rule %.100s: filter, byte %zu: %s", rule->name, wrong.offset + 1,
               wrong.text);
   }
   return rule->filter != NULL;
}

bool rule_parse(struct rule *rule, const char *text, nm_filter_warn_fn warn, void *arg,
                char error[RULE_ERROR])
{
   const char *first = colon(text), *second = *first != 0 ? colon(first + 1) : first;
   struct part name = trimmed((struct part){text, first});
   struct part function = trimmed((struct part){*first != 0 ? first + 1 : first, second});
   struct part filter = trimmed((struct part){*second != 0 ? second + 1 : second, second + strlen(second)});
   *rule = (struct rule){0};
   if (name.begin == name.end) {
      return fail(error, "Error: Rule name cannot be empty.");
   }
   if (!is_name(name)) {
      return fail(error, "Error: Rule name contains unexpected characters.");
   }
   if (function.begin == function.end) {
      return syntax(error, text, function.end, "NAME:FUNCTION(FIELD)[:FILTER]");
   }
   rule->name = strndup(name.begin, (size_t) (name.end - name.begin));
   bool good = rule->name != NULL || fail(error, "out of memory");
   good = good && parse_function(rule, text, function, error) && parse_filter(rule, filter, warn, arg, error);
   if (!good) {
      rule_free(rule);
   }
   return good;
}

void rule_free(struct rule *rule)
{
   free(rule->name);
   free(rule->field);
   nm_filter_free(rule->filter);
   *rule = (struct rule){0};
}
