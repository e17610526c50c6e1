/* SPDX-License-Identifier: BSD-3-Clause */
/** Alerts as IDEA messages (https://idea.cesnet.cz), and the log file. */
#include "spam.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nemea-common/nc_text.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_TIME   32
#define DEFAULT_LOG "/var/log/smtp_spam_detector.log"

static char *time_text(ur_time_t time, char to[TEXT_TIME])
{
   struct tm tm;
   time_t seconds = (time_t) ur_time_get_sec(time);
   gmtime_r(&seconds, &tm);
   if (strftime(to, TEXT_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
      to[0] = 0;
   }
   return to;
}

static void raw(nc_json_t *to, const char *text)
{
   nc_json_raw(to, text, strlen(text));
}

static void string(nc_json_t *to, const char *text)
{
   nc_json_string(to, text, strlen(text));
}

static void put_time(nc_json_t *to, const char *key, ur_time_t time)
{
   char text[TEXT_TIME];
   raw(to, key);
   string(to, time_text(time, text));
}

static void put_number(nc_json_t *to, const char *key, uint64_t value)
{
   raw(to, key);
   nc_json_u64(to, value);
}

static void put_names(nc_json_t *to, const char *key, const struct name *names)
{
   raw(to, key);
   raw(to, "[");
   for (unsigned i = 0; i < NAMES_MAX && names[i].length > 0; i++) {
      raw(to, i > 0 ? ", " : "");
      nc_json_string(to, names[i].text, names[i].length);
   }
   raw(to, "], ");
}

/* The finalizer of MurmurHash3. Not secret: one stream gives the same ids in each run. */
static uint64_t mix(uint64_t x)
{
   x = (x ^ (x >> 33)) * UINT64_C(0xff51afd7ed558ccd);
   x = (x ^ (x >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
   return x ^ (x >> 33);
}

/* A UUID of version 8 (RFC 9562), made of the sender and the times. */
static void put_id(nc_json_t *to, const ip_addr_t *ip, const struct sender *s, ur_time_t now)
{
   uint64_t half[2], high, low;
   char text[40];
   memcpy(half, ip, sizeof(half));
   high = mix(half[0] ^ mix(half[1] ^ mix(s->first ^ mix(now))));
   low = mix(high ^ mix(s->sent));
   snprintf(text, sizeof(text), "%08" PRIx64 "-%04" PRIx64 "-8%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
            high >> 32, high >> 16 & 0xffff, high & 0xfff, 0x8000 | (low >> 48 & 0x3fff),
            low & UINT64_C(0xffffffffffff));
   raw(to, "\"ID\": ");
   string(to, text);
}

static void put_note(nc_json_t *to, const struct sender *s, const struct verdict *v)
{
   char text[400];
   snprintf(text, sizeof(text),
            "%s%s%s[%" PRIu64 ", %" PRIu64 ", %u, %.3f, %.3f, %" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64
            "]",
            v->many_destinations ? "CONN_CNT " : "", v->sends_more ? "TR_RAT " : "",
            s->called_spam > 0 ? "SPAM " : "", s->sent, s->received, s->destinations, v->mean, v->score,
            s->sessions, s->refused, s->called_spam, s->bytes);
   raw(to, ", \"Note\": ");
   string(to, text);
}

static void put_source(nc_json_t *to, const ip_addr_t *ip, const struct names *names)
{
   static const struct names none;
   char text[INET6_ADDRSTRLEN];
   names = names != NULL ? names : &none;
   raw(to, ", \"Source\": [{");
   put_names(to, "\"Hostname\": ", names->hosts);
   put_names(to, "\"Email\": ", names->senders);
   ip_to_str(ip, text);
   raw(to, ip_is4(ip) ? "\"IP4\": [" : "\"IP6\": [");
   string(to, text);
   raw(to, "], \"Proto\": [\"tcp\", \"smtp\"]}]");
}

void idea_write(struct spam *self, const ip_addr_t *ip, const struct sender *s, const struct names *names,
                const struct verdict *v, ur_time_t now)
{
   nc_json_t *to = &self->text;
   char confidence[8];
   nc_json_clear(to);
   raw(to, "{\"Format\": \"IDEA0\", ");
   put_id(to, ip, s, now);
   put_time(to, ", \"DetectTime\": ", now);
   put_time(to, ", \"CreateTime\": ", now);
   put_time(to, ", \"EventTime\": ", s->first);
   put_time(to, ", \"CeaseTime\": ", s->last);
   raw(to, ", \"Category\": [\"Abusive.Spam\"]");
   put_note(to, s, v);
   snprintf(confidence, sizeof(confidence), "%.2f", v->confidence);
   raw(to, ", \"Confidence\": ");
   raw(to, confidence);
   put_source(to, ip, names);
   put_number(to, ", \"ByteCount\": ", s->bytes);
   put_number(to, ", \"FlowCount\": ", s->sent);
   put_number(to, ", \"PacketCount\": ", s->packets);
   put_number(to, ", \"ConnCount\": ", s->destinations);
   raw(to, ", \"Anonymised\": false}");
}

/* ------------------------------------------------------------------------ log */

int log_open(nm_module_t *m)
{
   struct spam *self = nm_self(m);
   bool chosen = self->log_path != NULL;
   self->log_path = chosen ? self->log_path : DEFAULT_LOG;
   int fd = open(self->log_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
   self->log = fd >= 0 ? fdopen(fd, "ae") : NULL;
   if (self->log != NULL) {
      return NM_OK;
   }
   int error = errno;
   if (fd >= 0) {
      close(fd);
   }
   if (chosen) {
      return nm_fail(m, "--log: cannot write \"%s\": %s", self->log_path, strerror(error));
   }
   nm_verbose(m, "no log: cannot write \"%s\": %s", self->log_path, strerror(error));
   return NM_OK;
}

void log_verdict(nm_module_t *m, const ip_addr_t *ip, const struct sender *s, const struct verdict *v,
                 ur_time_t now)
{
   struct spam *self = nm_self(m);
   char when[TEXT_TIME], address[INET6_ADDRSTRLEN];
   if (self->log == NULL || (!v->reported && self->debug == 0)) {
      return;
   }
   ip_to_str(ip, address);
   fprintf(self->log,
           "%s %s %s: %" PRIu64 " sent to %u destinations, %" PRIu64 " received, %" PRIu64 " of %" PRIu64
           " sessions refused, %" PRIu64 " called spam; score %.3f, confidence %.2f\n",
           time_text(now, when), v->reported ? "spam" : "debug", address, s->sent, s->destinations,
           s->received, s->refused, s->sessions, s->called_spam, v->score, v->confidence);
   if (fflush(self->log) != 0) {
      self->log_errors++;
      nm_warn(m, "cannot write \"%s\": %s", self->log_path, strerror(errno));
      clearerr(self->log);
   }
}
