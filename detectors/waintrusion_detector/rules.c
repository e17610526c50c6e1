/* SPDX-License-Identifier: BSD-3-Clause */
/** Signatures: parsing, compiling, searching. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "rules.h"

#include "hyperscan.h"

#include <pcre2.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS        (PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C)
#define MATCH_LIMIT    20000        /* steps of a search */
#define HEAP_LIMIT     1024         /* KiB of a search */
#define JIT_STACK      (512u << 10) /* bytes */
#define FEW            8            /* signatures of a field */
#define MUCH           2000000      /* texts; PCRE2 takes as long for them as Hyperscan takes to start */
#define LINE_MAX_BYTES 1000         /* of lists */
#define SEPARATOR      " ** "

const char *const rule_names[RULES] = {[RULE_METHOD] = "request_method_enforcement",
                                       [RULE_SCANNER] = "request_scanner_detection",
                                       [RULE_PROTOCOL] = "request_protocol_enforcement",
                                       [RULE_PROTOCOL_ATTACK] = "request_protocol_attack",
                                       [RULE_RFI] = "request_application_attack_rfi",
                                       [RULE_SQLI] = "request_application_attack_sqli",
                                       [RULE_RCE] = "request_application_attack_rce",
                                       [RULE_PHP] = "request_application_attack_php",
                                       [RULE_XSS] = "request_application_attack_xss",
                                       [RULE_FIXATION] = "request_application_attack_session_fixation",
                                       [RULE_LFI] = "request_application_attack_lfi"};

const char *const field_names[FIELDS] = {[FIELD_URL] = "HTTP_URL",
                                         [FIELD_URL_RAW] = "HTTP_URL_RAW",
                                         [FIELD_METHOD] = "HTTP_METHOD",
                                         [FIELD_METHOD_AND_URL] = "HTTP_METHOD_AND_URL",
                                         [FIELD_FILENAME] = "HTTP_URL_FILENAME",
                                         [FIELD_QUERY] = "HTTP_URL_QUERY_STRING",
                                         [FIELD_ARGS] = "HTTP_URL_ARGS",
                                         [FIELD_ARGS_NAMES] = "HTTP_URL_ARGS_NAMES",
                                         [FIELD_HOST] = "HTTP_HOST",
                                         [FIELD_AGENT] = "HTTP_USER_AGENT",
                                         [FIELD_REFERER] = "HTTP_REFERER"};

struct rules {
   struct signature *list;
   uint32_t n;
   /* The first pass; NULL: every signature is tried. With ENGINE_AUTO a thread makes it when there is much to search, since that takes
    * seconds; results do not depend on when it is ready. */
   struct hyperscan *hyperscan;
   enum engine engine;
   uint32_t of_field[FIELDS]; /* signatures */
   uint64_t mask[FIELDS][RULES_WORDS],
       empty[FIELDS][RULES_WORDS]; /* those of a field, and those of these that match "" */
   /* Signatures of which a match may begin with a byte, or must have it; and those of which nothing is known. */
   uint64_t beginning[256][RULES_WORDS], beginning_any[RULES_WORDS];
   uint64_t needing[256][RULES_WORDS], needing_none[RULES_WORDS];
   uint64_t searched; /* texts */
   pthread_t thread;
   bool thread_started;
   pcre2_match_context *context;
   pcre2_match_data *data;
   pcre2_jit_stack *stack;
};

static bool fail(char error[RULES_ERROR], const char *name, unsigned line, const char *why)
{
   snprintf(error, RULES_ERROR, "%.300s, line %u: %s", name, line, why);
   return false;
}

/* ---------------------------------------------------------------------- signatures */

struct rules *rules_new(void)
{
   struct rules *r = calloc(1, sizeof(*r));
   if (r == NULL) {
      return NULL;
   }
   r->list = calloc(RULES_MAX, sizeof(*r->list));
   r->context = pcre2_match_context_create(NULL);
   r->data = pcre2_match_data_create(1, NULL);
   r->stack = pcre2_jit_stack_create(32u << 10, JIT_STACK, NULL);
   if (r->list == NULL || r->context == NULL || r->data == NULL) {
      rules_free(r);
      return NULL;
   }
   pcre2_set_match_limit(r->context, MATCH_LIMIT);
   pcre2_set_heap_limit(r->context, HEAP_LIMIT);
   if (r->stack != NULL) {
      pcre2_jit_stack_assign(r->context, NULL, r->stack);
   }
   return r;
}

void rules_free(struct rules *r)
{
   if (r == NULL) {
      return;
   }
   if (r->thread_started) {
      pthread_join(r->thread, NULL);
   }
   for (uint32_t i = 0; r->list != NULL && i < r->n; i++) {
      pcre2_code_free(r->list[i].code);
      free(r->list[i].pattern);
   }
   if (r->hyperscan != NULL) {
      hyperscan_free(r->hyperscan);
   }
   pcre2_jit_stack_free(r->stack);
   pcre2_match_data_free(r->data);
   pcre2_match_context_free(r->context);
   free(r->list);
   free(r);
}

static void set_bit(uint64_t *bits, uint32_t i)
{
   bits[i / 64] |= UINT64_C(1) << i % 64;
}

/* The same with a letter in both cases: PCRE2 does not tell whether case matters. */
static void set_byte(uint64_t by_byte[][RULES_WORDS], uint32_t byte, uint32_t i)
{
   bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
   set_bit(by_byte[byte & 0xff], i);
   set_bit(by_byte[(letter ? byte ^ 0x20 : byte) & 0xff], i);
}

/* Notes bytes without which signature i cannot match, as far as PCRE2 knows them. */
static void note_bytes(struct rules *r, uint32_t i)
{
   const pcre2_code *code = r->list[i].code;
   uint32_t kind = 0, byte = 0;
   const uint8_t *first = NULL;
   if (pcre2_pattern_info(code, PCRE2_INFO_LASTCODETYPE, &kind) == 0 && kind == 1 &&
       pcre2_pattern_info(code, PCRE2_INFO_LASTCODEUNIT, &byte) == 0) {
      set_byte(r->needing, byte, i);
   } else {
      set_bit(r->needing_none, i);
   }
   if (pcre2_pattern_info(code, PCRE2_INFO_FIRSTBITMAP, &first) == 0 && first != NULL) {
      for (unsigned b = 0; b < 256; b++) {
         r->beginning[b][i / 64] |= (uint64_t) (first[b / 8] >> b % 8 & 1) << i % 64;
      }
   } else if (pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODETYPE, &kind) == 0 && kind == 1 &&
              pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODEUNIT, &byte) == 0) {
      set_byte(r->beginning, byte, i);
   } else {
      set_bit(r->beginning_any, i);
   }
}

/* Takes pattern, also when it fails. */
static bool add(struct rules *r, const struct signature *as, char *pattern, const char *name, unsigned line,
                char error[RULES_ERROR])
{
   char why[256];
   int number;
   PCRE2_SIZE at;
   if (pattern == NULL || r->n == RULES_MAX) {
      free(pattern);
      snprintf(why, sizeof(why), r->n == RULES_MAX ? "more than %u signatures" : "out of memory", RULES_MAX);
      return fail(error, name, line, why);
   }
   struct signature *s = &r->list[r->n];
   *s = *as;
   s->code = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED, OPTIONS, &number, &at, NULL);
   if (s->code == NULL) {
      char text[160];
      pcre2_get_error_message(number, (PCRE2_UCHAR *) text, sizeof(text));
      snprintf(why, sizeof(why), "\"%.60s\" is no regular expression: %s", pattern, text);
      free(pattern);
      return fail(error, name, line, why);
   }
   s->jit =
       pcre2_jit_compile(s->code, PCRE2_JIT_COMPLETE) == 0; /* without it searches are slower, and the same */
   s->pattern = pattern;
   note_bytes(r, r->n++);
   return true;
}

/* The next line without its end. \return false: there is none */
static bool next_line(const char **at, const char *end, const char **line, size_t *n, unsigned *number)
{
   if (*at >= end) {
      return false;
   }
   const char *lf = memchr(*at, '\n', (size_t) (end - *at));
   *line = *at;
   *n = (size_t) ((lf != NULL ? lf : end) - *at);
   *at = lf != NULL ? lf + 1 : end;
   if (*n > 0 && (*line)[*n - 1] == '\r') {
      (*n)--;
   }
   (*number)++;
   return true;
}

static bool parse_fields(struct signature *s, const char *text, size_t n)
{
   while (n > 0) {
      const char *comma = memchr(text, ',', n);
      size_t length = comma != NULL ? (size_t) (comma - text) : n, from = 0, to = length;
      while (from < to && text[from] == ' ') {
         from++;
      }
      while (to > from && text[to - 1] == ' ') {
         to--;
      }
      unsigned f = 0;
      while (f < FIELDS &&
             (strlen(field_names[f]) != to - from || memcmp(field_names[f], text + from, to - from) != 0)) {
         f++;
      }
      if (f == FIELDS || s->n_fields == FIELDS) {
         return false;
      }
      s->fields[s->n_fields++] = (uint8_t) f;
      text += length + (comma != NULL);
      n -= length + (comma != NULL);
   }
   return s->n_fields > 0;
}

/* The last separator: an expression may contain one. */
static const char *find_separator(const char *line, size_t n)
{
   const char *found = NULL;
   size_t length = strlen(SEPARATOR);
   for (size_t i = 0; i + length <= n; i++) {
      if (memcmp(line + i, SEPARATOR, length) == 0) {
         found = line + i;
      }
   }
   return found;
}

bool rules_parse(struct rules *r, enum rule rule, const char *name, const char *text, size_t size,
                 char error[RULES_ERROR])
{
   const char *at = text, *line;
   size_t n;
   unsigned number = 0;
   while (next_line(&at, text + size, &line, &n, &number)) {
      struct signature s = {.rule = rule};
      if (n == 0 || line[0] == '#') {
         continue;
      }
      const char *separator = find_separator(line, n);
      if (separator == NULL) {
         return fail(error, name, number, "expected: regex ** FIELD[,FIELD...]");
      }
      const char *fields = separator + strlen(SEPARATOR);
      if (memchr(line, 0, n) != NULL || !parse_fields(&s, fields, (size_t) (line + n - fields))) {
         return fail(error, name, number,
                     "expected names of fields after \"**\", such as HTTP_URL or HTTP_URL_ARGS");
      }
      if (!add(r, &s, strndup(line, (size_t) (separator - line)), name, number, error)) {
         return false;
      }
   }
   return true;
}

/* ---------------------------------------------------------------------------- lists */

static bool is_word(char c)
{
   return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Lines of a list, sorted without regard to case. */
struct entry {
   const char *text;
   size_t n;
};

static unsigned char lower(char c)
{
   return (unsigned char) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static int compare(const void *left, const void *right)
{
   const struct entry *a = left, *b = right;
   for (size_t i = 0; i < a->n && i < b->n; i++) {
      if (lower(a->text[i]) != lower(b->text[i])) {
         return lower(a->text[i]) - lower(b->text[i]);
      }
   }
   return (a->n > b->n) - (a->n < b->n);
}

static void write_char(FILE *to, char c)
{
   if (is_word(c)) {
      fputc(lower(c), to);
   } else {
      fprintf(to, "\\x%02x", (unsigned char) c);
   }
}

/* What follows the first at bytes, which these entries have in common, as an expression in which no two alternatives begin alike: a search
 * tries few of them at each place. */
static void write_entries(FILE *to, const struct entry *e, size_t n, size_t at, enum list_kind kind)
{
   const char *end = kind == LIST_WORD && at > 0 && is_word(e[0].text[at - 1]) ? "\\b" : "";
   bool ends = e[0].n == at;
   if (ends && kind == LIST_PLAIN) {
      return; /* the others begin with this one */
   }
   while (n > 0 && e[0].n == at) { /* also those that are there twice */
      e++;
      n--;
   }
   if (n == 0) {
      fputs(end, to);
      return;
   }
   bool group = ends || lower(e[0].text[at]) != lower(e[n - 1].text[at]);
   fputs(group ? "(?:" : "", to);
   fputs(ends ? end : "", to);
   fputs(ends ? "|" : "", to);
   for (size_t first = 0, last; first < n; first = last) {
      for (last = first + 1; last < n && lower(e[last].text[at]) == lower(e[first].text[at]); last++) {
      }
      fputs(first > 0 ? "|" : "", to);
      fputs(kind == LIST_WORD && at == 0 && is_word(e[first].text[0]) ? "\\b" : "", to);
      write_char(to, e[first].text[at]);
      write_entries(to, e + first, last - first, at + 1, kind);
   }
   fputs(group ? ")" : "", to);
}

/* All lines of a list as one expression; NULL: no memory, or *n is 0. */
static char *write_list(struct entry *entries, size_t n, enum list_kind kind)
{
   char *pattern = NULL;
   size_t length;
   FILE *to = n > 0 ? open_memstream(&pattern, &length) : NULL;
   if (to == NULL) {
      return NULL;
   }
   qsort(entries, n, sizeof(*entries), compare);
   fputs(kind == LIST_NOT_ONE ? "^(?!(?i:" : "(?i:", to);
   write_entries(to, entries, n, 0, kind);
   fputs(kind == LIST_NOT_ONE ? ")$)" : ")", to);
   if (fclose(to) != 0) {
      free(pattern);
      return NULL;
   }
   return pattern;
}

bool rules_parse_list(struct rules *r, enum rule rule, enum list_kind kind, const enum field *fields,
                      const char *name, const char *text, size_t size, char error[RULES_ERROR])
{
   struct signature s = {.rule = rule};
   const char *at = text, *line;
   size_t n, used = 0;
   unsigned number = 0;
   struct entry *entries = calloc(size / 2 + 1, sizeof(*entries));
   for (; *fields != FIELDS; fields++) {
      s.fields[s.n_fields++] = (uint8_t) *fields;
   }
   while (entries != NULL && next_line(&at, text + size, &line, &n, &number)) {
      if (n > LINE_MAX_BYTES) {
         free(entries);
         return fail(error, name, number, "the line has more than 1000 bytes");
      }
      if (n > 0 && line[0] != '#') {
         entries[used++] = (struct entry){line, n};
      }
   }
   bool none = entries != NULL && used == 0;
   char *pattern = used > 0 ? write_list(entries, used, kind) : NULL;
   free(entries);
   return none || add(r, &s, pattern, name, number, error);
}

/* ------------------------------------------------------------------------ searching */

#ifndef HAVE_HYPERSCAN
struct hyperscan *hyperscan_new(const struct signature *list, uint32_t n, char error[RULES_ERROR])
{
   (void) list;
   (void) n;
   snprintf(error, RULES_ERROR, "this program was built without Hyperscan");
   return NULL;
}

void hyperscan_free(struct hyperscan *h)
{
   (void) h;
}

void hyperscan_candidates(struct hyperscan *h, const char *text, size_t n, uint64_t bits[RULES_WORDS])
{
   (void) h;
   (void) text;
   (void) n;
   (void) bits;
}
#endif

bool rules_have_hyperscan(void)
{
#ifdef HAVE_HYPERSCAN
   return true;
#else
   return false;
#endif
}

bool rules_finish(struct rules *r, enum engine engine, char error[RULES_ERROR])
{
   uint64_t given_up = 0;
   for (uint32_t i = 0; i < r->n; i++) {
      r->list[i].matches_empty = rules_match(r, i, "", 0, &given_up);
      for (unsigned k = 0; k < r->list[i].n_fields; k++) {
         unsigned f = r->list[i].fields[k];
         r->of_field[f]++;
         r->mask[f][i / 64] |= UINT64_C(1) << i % 64;
         r->empty[f][i / 64] |= (uint64_t) r->list[i].matches_empty << i % 64;
      }
   }
   r->engine = engine;
   if (engine != ENGINE_HYPERSCAN) {
      return true;
   }
   r->hyperscan = hyperscan_new(r->list, r->n, error);
   return r->hyperscan != NULL;
}

static void *make_hyperscan(void *context)
{
   struct rules *r = context;
   char error[RULES_ERROR];
   struct hyperscan *made =
       hyperscan_new(r->list, r->n, error); /* without it searches are slower, and the same */
   __atomic_store_n(&r->hyperscan, made, __ATOMIC_RELEASE);
   return NULL;
}

static void start_thread(struct rules *r)
{
   sigset_t all, before;
   sigfillset(&all); /* signals are for the module's thread */
   pthread_sigmask(SIG_SETMASK, &all, &before);
   r->thread_started = pthread_create(&r->thread, NULL, make_hyperscan, r) == 0;
   pthread_sigmask(SIG_SETMASK, &before, NULL);
}

uint32_t rules_count(const struct rules *r)
{
   return r->n;
}

const struct signature *rules_get(const struct rules *r, uint32_t i)
{
   return &r->list[i];
}

/* Leaves out signatures that need other bytes than the text has. */
static void leave_out(const struct rules *r, const char *text, size_t n, uint64_t *bits, uint32_t words)
{
   for (uint32_t w = 0; w < words; w++) {
      uint64_t begin = r->beginning_any[w], need = r->needing_none[w];
      for (size_t i = 0; i < n && (bits[w] & ~(begin & need)) != 0; i++) {
         begin |= r->beginning[(uint8_t) text[i]][w];
         need |= r->needing[(uint8_t) text[i]][w];
      }
      bits[w] &= begin & need;
   }
}

void rules_candidates(struct rules *r, enum field field, const char *text, size_t n,
                      uint64_t bits[RULES_WORDS])
{
   struct hyperscan *h = __atomic_load_n(&r->hyperscan, __ATOMIC_ACQUIRE);
   uint32_t words = (r->n + 63) / 64;
   bool few = r->of_field[field] < FEW; /* they are tried faster than all signatures are searched for */
   if (n == 0 || h == NULL || few) {
      memcpy(bits, n == 0 ? r->empty[field] : r->mask[field], words * sizeof(bits[0]));
   } else {
      memset(bits, 0, words * sizeof(bits[0]));
      hyperscan_candidates(h, text, n, bits);
      for (uint32_t i = 0; i < words; i++) {
         bits[i] &= r->mask[field][i];
      }
   }
   if (n > 0) {
      leave_out(r, text, n, bits, words);
   }
   if (n > 0 && h == NULL && !few && ++r->searched == MUCH && r->engine == ENGINE_AUTO &&
       rules_have_hyperscan()) {
      start_thread(r);
   }
}

bool rules_match(struct rules *r, uint32_t i, const char *text, size_t n, uint64_t *given_up)
{
   const struct signature *s = &r->list[i];
   int rc = s->jit ? pcre2_jit_match(s->code, (PCRE2_SPTR) text, n, 0, 0, r->data, r->context)
                   : pcre2_match(s->code, (PCRE2_SPTR) text, n, 0, 0, r->data, r->context);
   *given_up += rc < 0 && rc != PCRE2_ERROR_NOMATCH;
   return rc >= 0;
}
