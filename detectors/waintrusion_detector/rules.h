/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * \file rules.h
 * Rules of waintrusion_detector: regular expressions and the fields of a request that they look at.
 *
 * A directory has rules/RULE.data, lines "regex ** FIELD[,FIELD...]", and data/LIST.data, lines of text that is looked for without
 * regard to case. Regular expressions are those of PCRE2, over bytes; '.' matches line ends and '$' only the very end, as in
 * ModSecurity. '#' at the begin of a line begins a comment.
 *
 * Every expression is searched with PCRE2 and a limit of steps, so that no request can make a search long. Most are not searched for at all, since
 * the text has none of the bytes that a match begins with, or not the one that every match has. With Hyperscan, one pass over a text
 * first finds the few expressions that can match at all; the result is the same.
 */
#ifndef WAINTRUSION_RULES_H
#define WAINTRUSION_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RULES_ERROR    1024
#define RULES_MAX      2048 /* signatures */
#define RULES_WORDS    (RULES_MAX / 64)
#define RULES_FILE_MAX (4u << 20) /* bytes */

/** In the order in which they are tried. */
enum rule {
   RULE_METHOD,
   RULE_SCANNER,
   RULE_PROTOCOL,
   RULE_PROTOCOL_ATTACK,
   RULE_RFI,
   RULE_SQLI,
   RULE_RCE,
   RULE_PHP,
   RULE_XSS,
   RULE_FIXATION,
   RULE_LFI,
   RULES
};
extern const char *const rule_names[RULES];

enum field {
   FIELD_URL,
   FIELD_URL_RAW,
   FIELD_METHOD,
   FIELD_METHOD_AND_URL,
   FIELD_FILENAME,
   FIELD_QUERY,
   FIELD_ARGS,
   FIELD_ARGS_NAMES,
   FIELD_HOST,
   FIELD_AGENT,
   FIELD_REFERER,
   FIELDS
};
extern const char *const field_names[FIELDS];

struct signature {
   enum rule rule;
   uint8_t fields[FIELDS], n_fields; /* in the order in which they are tried */
   bool matches_empty, jit;
   char *pattern;
   struct pcre2_real_code_8 *code;
};

struct rules;

enum engine { ENGINE_AUTO, ENGINE_HYPERSCAN, ENGINE_PCRE2 };

/** Loads the chosen rules. \param directory NULL: the built-in ones \return NULL: error is set */
struct rules *rules_load(const char *directory, const bool chosen[RULES], enum engine engine,
                         char error[RULES_ERROR]);
void rules_free(struct rules *r);

/** For rules from other sources than a directory: rules_new(), any number of rules_parse() and rules_parse_list(), rules_finish(). */
struct rules *rules_new(void);
/** Adds the lines of a file of signatures. \param name of the file, for errors \return false: error is set */
bool rules_parse(struct rules *r, enum rule rule, const char *name, const char *text, size_t size,
                 char error[RULES_ERROR]);

enum list_kind {
   LIST_PLAIN,   /* a line is anywhere in the text */
   LIST_WORD,    /* not inside a word */
   LIST_NOT_ONE, /* the whole text is none of the lines */
};
/** Adds a list as one signature. \param fields ends with FIELDS */
bool rules_parse_list(struct rules *r, enum rule rule, enum list_kind kind, const enum field *fields,
                      const char *name, const char *text, size_t size, char error[RULES_ERROR]);
/** Must be called before anything is searched. */
bool rules_finish(struct rules *r, enum engine engine, char error[RULES_ERROR]);

uint32_t rules_count(const struct rules *r);
const struct signature *rules_get(const struct rules *r, uint32_t i);
/** Was this built with Hyperscan? */
bool rules_have_hyperscan(void);

/** Which signatures of a field can match a text, a bit each; of an empty text, which do. Words beyond the number of signatures are not
 * set. */
void rules_candidates(struct rules *r, enum field field, const char *text, size_t n,
                      uint64_t bits[RULES_WORDS]);
/** Does signature i match? \param[out] given_up is counted up when the search took too many steps: no match */
bool rules_match(struct rules *r, uint32_t i, const char *text, size_t n, uint64_t *given_up);

/** Built-in files. \return NULL: there is none of this name ("rules/....data", "data/....data") */
const char *builtin_file(const char *name, size_t *size);

#endif
