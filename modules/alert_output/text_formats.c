/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * Events as CEF and LEEF, and messages in the form of syslog. Values come from outside: what separates or ends something in a format is
 * escaped, or replaced where the format has no escape.
 */
#include "format.h"

#include <inttypes.h>
#include <nemea/text.h>
#include <stdio.h>
#include <string.h>

#define VALUE_MAX  1023 /* bytes of a value, the limit of CEF */
#define REASON_MAX 1024

/* A text that is written; what does not fit is left out, as a whole value. */
struct text {
   char *to;
   size_t n, size;
};

enum escape {
   CEF_HEADER,  /* backslash and '|' are escaped, line ends are blanks */
   CEF_VALUE,   /* backslash and '=' are escaped, line ends are \n */
   LEEF_HEADER, /* no escape: '|', '^' and line ends are blanks */
   LEEF_VALUE   /* no escape: tabs and line ends are blanks */
};

static void put(struct text *t, const char *bytes, size_t n)
{
   if (n < t->size - t->n) {
      memcpy(t->to + t->n, bytes, n);
      t->n += n;
      t->to[t->n] = 0;
   }
}

static void put_text(struct text *t, const char *text)
{
   put(t, text, strlen(text));
}

/* Bytes that a character becomes, at most two. */
static size_t escape(enum escape how, char c, char to[2])
{
   bool line = c == '\n' || c == '\r';
   bool header = how == CEF_HEADER || how == LEEF_HEADER;
   to[0] = c;
   if ((how == CEF_VALUE && (c == '=' || c == '\\')) || (how == CEF_HEADER && (c == '|' || c == '\\'))) {
      to[0] = '\\';
      to[1] = c;
      return 2;
   }
   if (how == CEF_VALUE && line) {
      to[0] = '\\';
      to[1] = c == '\n' ? 'n' : 'r';
      return 2;
   }
   if ((unsigned char) c < ' ' || c == 0x7f || (header && how == LEEF_HEADER && (c == '|' || c == '^'))) {
      to[0] = ' ';
   }
   return 1;
}

static void put_escaped(struct text *t, enum escape how, const char *value)
{
   char escaped[2 * VALUE_MAX];
   size_t n = 0;
   for (; *value != 0 && n + 2 <= VALUE_MAX; value++) {
      n += escape(how, *value, escaped + n);
   }
   while (*value != 0 && n > 0 && ((unsigned char) *value & 0xc0) == 0x80) { /* not within a character */
      value--;
      n--;
   }
   put(t, escaped, n);
}

/* ---------------------------------------------------------------------------- CEF */

static void cef(struct text *t, const char *key, const char *value)
{
   if (*value != 0) {
      put(t, " ", t->n > 0 && t->to[t->n - 1] != '|');
      put_text(t, key);
      put(t, "=", 1);
      put_escaped(t, CEF_VALUE, value);
   }
}

static void cef_number(struct text *t, const char *key, uint64_t n)
{
   char text[32];
   snprintf(text, sizeof(text), "%" PRIu64, n > INT64_MAX ? INT64_MAX : n);
   cef(t, key, n != 0 ? text : "");
}

static void cef_time(struct text *t, const char *key, ur_time_t time)
{
   cef_number(t, key, (uint64_t) ur_time_get_sec(time) * 1000 + ur_time_get_msec(time));
}

/* src and dst are for IPv4; IPv6 has fields of its own, with a label. */
static void cef_ip(struct text *t, const char *key, const char *key6, const char *label, const ip_addr_t *ip)
{
   char text[INET6_ADDRSTRLEN], name[16];
   if (!event_ip_is_set(ip)) {
      return;
   }
   ip_to_str(ip, text);
   if (ip_is4(ip)) {
      cef(t, key, text);
      return;
   }
   cef(t, key6, text);
   snprintf(name, sizeof(name), "%sLabel", key6);
   cef(t, name, label);
}

static void cef_labelled(struct text *t, const char *key, const char *label, const char *value)
{
   char name[16];
   if (*value != 0) {
      cef(t, key, value);
      snprintf(name, sizeof(name), "%sLabel", key);
      cef(t, name, label);
   }
}

static void cef_labelled_number(struct text *t, const char *key, const char *label, uint64_t n)
{
   char text[32];
   snprintf(text, sizeof(text), "%" PRIu64, n > INT64_MAX ? INT64_MAX : n);
   cef_labelled(t, key, label, n != 0 ? text : "");
}

static void header_part(struct text *t, enum escape how, const char *value)
{
   put_escaped(t, how, value);
   put(t, "|", 1);
}

size_t format_cef(const struct event *e, const struct format_options *o, char *to, size_t size)
{
   struct text t = {.to = to, .size = size};
   char title[256], reason[REASON_MAX], severity[8];
   const char *protocol = event_protocol(e);
   put_text(&t, "CEF:0|CESNET|NEMEA|");
   header_part(&t, CEF_HEADER, o->version);
   header_part(&t, CEF_HEADER, e->kind);
   header_part(&t, CEF_HEADER, event_title(e, title, sizeof(title)));
   snprintf(severity, sizeof(severity), "%u", 3 * format_severity(e)); /* of 0 to 10 */
   header_part(&t, CEF_HEADER, severity);
   cef_time(&t, "rt", o->now);
   cef_time(&t, "start", e->first);
   cef_time(&t, "end", e->last);
   cef_ip(&t, "src", "c6a2", "Source IPv6 Address", &e->source);
   cef_ip(&t, "dst", "c6a3", "Destination IPv6 Address", &e->target);
   cef_number(&t, "dpt", e->port);
   cef(&t, "proto", protocol != NULL ? protocol : "");
   cef_number(&t, "cnt", e->flows);
   cef(&t, "externalId", e->id);
   cef(&t, "cat", e->kind);
   cef(&t, "deviceProcessName", e->description->program);
   cef(&t, "dvchost", o->host);
   cef_labelled(&t, "cs1", "ATT&CK techniques", e->attack != NULL ? e->attack : "");
   cef_labelled(&t, "cs2", "Confidence", event_confidence_names[event_confidence(e)]);
   cef_labelled_number(&t, "cn1", "Sources", e->sources);
   cef_labelled_number(&t, "cn2", "Targets", e->targets);
   cef_labelled_number(&t, "cn3", "Bytes", e->bytes);
   cef(&t, "msg", event_reason(e, reason, sizeof(reason)));
   return t.n;
}

/* --------------------------------------------------------------------------- LEEF */

static void leef(struct text *t, const char *key, const char *value)
{
   if (*value != 0) {
      put(t, "\t", t->n > 0 && t->to[t->n - 1] != '|');
      put_text(t, key);
      put(t, "=", 1);
      put_escaped(t, LEEF_VALUE, value);
   }
}

static void leef_number(struct text *t, const char *key, uint64_t n)
{
   char text[32];
   snprintf(text, sizeof(text), "%" PRIu64, n);
   leef(t, key, n != 0 ? text : "");
}

static void leef_ip(struct text *t, const char *key, const ip_addr_t *ip)
{
   char text[INET6_ADDRSTRLEN];
   if (event_ip_is_set(ip)) {
      ip_to_str(ip, text);
      leef(t, key, text);
   }
}

size_t format_leef(const struct event *e, const struct format_options *o, char *to, size_t size)
{
   struct text t = {.to = to, .size = size};
   char text[REASON_MAX];
   const char *protocol = event_protocol(e);
   put_text(&t, "LEEF:2.0|CESNET|NEMEA|");
   header_part(&t, LEEF_HEADER, o->version);
   header_part(&t, LEEF_HEADER, e->kind);
   put_text(&t, "x09|"); /* attributes are separated by a tab */
   leef(&t, "devTimeFormat", "yyyy-MM-dd'T'HH:mm:ss.SSSSSSX");
   leef(&t, "devTime", format_rfc3339(e->last, text, sizeof(text)));
   leef(&t, "begin", format_rfc3339(e->first, text, sizeof(text)));
   leef(&t, "cat", e->kind);
   leef_number(&t, "sev", 3 * format_severity(e)); /* of 1 to 10 */
   leef_ip(&t, "src", &e->source);
   leef_ip(&t, "dst", &e->target);
   leef_number(&t, "dstPort", e->port);
   leef(&t, "proto", protocol != NULL ? protocol : "");
   leef(&t, "eventId", e->id);
   leef(&t, "detector", e->description->program);
   leef(&t, "identHostName", o->host);
   leef(&t, "attack", e->attack != NULL ? e->attack : "");
   leef(&t, "confidence", event_confidence_names[event_confidence(e)]);
   leef_number(&t, "sources", e->sources);
   leef_number(&t, "targets", e->targets);
   leef_number(&t, "flows", e->flows);
   leef_number(&t, "packets", e->packets);
   leef_number(&t, "totalBytes", e->bytes);
   leef(&t, "title", event_title(e, text, sizeof(text)));
   leef(&t, "msg", event_reason(e, text, sizeof(text)));
   return t.n;
}

/* ------------------------------------------------------------------------- syslog */

/* A field of the header: printable ASCII without blanks; "-" when it is empty. */
static void header_field(struct text *t, const char *value, size_t most)
{
   char field[256];
   size_t n = 0;
   for (; *value != 0 && n < most && n < sizeof(field); value++) {
      field[n++] = *value > ' ' && *value < 0x7f ? *value : '_';
   }
   put(t, n > 0 ? field : "-", n > 0 ? n : 1);
   put(t, " ", 1);
}

size_t format_syslog(const char *message, size_t length, unsigned facility, unsigned severity,
                     const char *host, ur_time_t time, const char *kind, char *to, size_t size)
{
   struct text t = {.to = to, .size = size};
   char priority[32], stamp[64];
   snprintf(priority, sizeof(priority), "<%u>1 ", facility * 8 + severity);
   put_text(&t, priority);
   put_text(&t, format_rfc3339(time, stamp, sizeof(stamp)));
   put(&t, " ", 1);
   header_field(&t, host, 255);
   header_field(&t, "nemea", 48);
   header_field(&t, "", 128);  /* PROCID */
   header_field(&t, kind, 32); /* MSGID */
   put_text(&t, "- ");         /* no structured data */
   if (t.n + length >= size) {
      return 0;
   }
   for (size_t i = 0; i < length; i++) { /* a receiver may write it as a line */
      char c = message[i];
      t.to[t.n++] = c == '\n' || c == '\r' || c == 0 ? ' ' : c;
   }
   t.to[t.n] = 0;
   return t.n;
}
