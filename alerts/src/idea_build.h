/* SPDX-License-Identifier: BSD-3-Clause */
/** What the reporters share: setting members of a message. A failure is kept in the builder, so that nobody has to look before the end. */
#ifndef ALERTS_IDEA_BUILD_H
#define ALERTS_IDEA_BUILD_H

#include <jansson.h>
#include <nemea/idea.h>

#define IDEA_TEXT 1024 /* bytes of sentences that are put together here */

struct idea_builder {
   const struct idea_reporter *reporter;
   const struct alert *alert;
   const struct idea_options *options;
   json_t *root;
   int64_t now;
   bool failed; /* no memory */
};

/** Sets a member to a value, whose reference is taken over. NULL: no memory. \return the value, borrowed */
json_t *idea_put(struct idea_builder *b, json_t *object, const char *key, json_t *value);
/** Appends to an array, likewise. */
json_t *idea_append(struct idea_builder *b, json_t *array, json_t *value);
/** Any bytes as a string: what is not UTF-8 becomes U+FFFD. */
json_t *idea_string(const char *text, size_t length);
/** The text of an alert's value, as a whole. */
json_t *idea_field_text(const struct idea_builder *b, const char *field);

void idea_text(struct idea_builder *b, json_t *object, const char *key, const char *text);
void idea_textf(struct idea_builder *b, json_t *object, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void idea_number(struct idea_builder *b, json_t *object, const char *key, uint64_t n);
/** A number of the alert. */
void idea_count(struct idea_builder *b, json_t *object, const char *key, const char *field);
/** A list of words, separated by blanks. "": none are set. */
void idea_words(struct idea_builder *b, json_t *object, const char *key, const char *words);
/** "2026-03-01T10:00:00Z" */
void idea_seconds(struct idea_builder *b, const char *key, int64_t seconds);
/** A time of the alert, its fraction cut. */
void idea_time(struct idea_builder *b, const char *key, const char *field);
/** EventTime, CeaseTime, DetectTime, in the order of keys: letters E, C, D. E is first, the others are last. */
void idea_times(struct idea_builder *b, const char *keys, const char *first, const char *last);
/** Appends an address to IP4 or IP6 of an object; one that is all zero is an address, too. */
void idea_ip(struct idea_builder *b, json_t *object, const ip_addr_t *ip);
/** The same of a field of the alert. */
void idea_ip_of(struct idea_builder *b, json_t *object, const char *field);
/** Appends an object to a list of the message, which is made when there is none. */
json_t *idea_end(struct idea_builder *b, const char *list);
/** The member Node. \param type words; "": none */
json_t *idea_node(struct idea_builder *b, const char *software, const char *type);
/** Format, ID, CreateTime. */
void idea_begin(struct idea_builder *b);
void idea_format(struct idea_builder *b);
/** Name of an IP protocol; NULL: a reporter does not name it. */
const char *idea_protocol(uint64_t number);
/** Name of a service, lower case; NULL: unknown. */
const char *idea_service(uint64_t port);
/** An address that is none of those for "no address": all zero, "0.0.0.0". */
static inline bool idea_ip_is_set(const ip_addr_t *ip)
{
   return event_ip_is_set(ip) && !ip_is_null(ip);
}

/** An address as text. */
char *idea_ip_text(const ip_addr_t *ip, char text[INET6_ADDRSTRLEN]);

#define IDEA_REPORTER(name) extern const struct idea_reporter idea_of_##name

IDEA_REPORTER(amplification);
IDEA_REPORTER(blacklist);
IDEA_REPORTER(bruteforce);
IDEA_REPORTER(ddos_detector);
IDEA_REPORTER(dgadetection);
IDEA_REPORTER(dnstunnel);
IDEA_REPORTER(haddrscan);
IDEA_REPORTER(hoststats);
IDEA_REPORTER(idea2idea);
IDEA_REPORTER(minerdetector);
IDEA_REPORTER(sipbf);
IDEA_REPORTER(smashedblacklist);
IDEA_REPORTER(sshbruteforceml);
IDEA_REPORTER(venom);
IDEA_REPORTER(voipfraud);
IDEA_REPORTER(vportscan);
IDEA_REPORTER(waintrusion_detector);

#endif
