/* SPDX-License-Identifier: BSD-3-Clause */
/** What is said on standard output and in the log file, and the file of prefixes. */
#include "voip.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nemea-common/nc_text.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define VERSION "2.0.0"
#define LINE    "-----------------------------------------------------"
#define SAFE    (4 * TARGET_MAX + 1)

static FILE *open_log(nm_module_t *m, const char *option, const char *path)
{
   int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
   FILE *file = fd >= 0 ? fdopen(fd, "ae") : NULL;
   if (file == NULL) {
      nm_fail(m, "%s: cannot write \"%s\": %s", option, path, strerror(errno));
      if (fd >= 0) {
         close(fd);
      }
   }
   return file;
}

int logs_open(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   if (self->log_path != NULL && (self->log = open_log(m, "-l", self->log_path)) == NULL) {
      return NM_ERROR;
   }
   if (self->prefixes_path != NULL && (self->prefixes = open_log(m, "-n", self->prefixes_path)) == NULL) {
      return NM_ERROR;
   }
   return NM_OK;
}

void logs_close(struct voip *self)
{
   if (self->log != NULL) {
      fclose(self->log);
   }
   if (self->prefixes != NULL) {
      fclose(self->prefixes);
   }
}

char *log_time(uint64_t seconds, char to[32])
{
   struct tm tm;
   time_t time = (time_t) seconds;
   gmtime_r(&time, &tm);
   if (strftime(to, 32, "%Y-%m-%d %H:%M:%S", &tm) == 0) {
      to[0] = 0;
   }
   return to;
}

void log_line(struct voip *self, const char *format, ...)
{
   FILE *to[] = {stdout, self->log};
   char time[32];
   log_time(self->now, time);
   for (unsigned i = 0; i < 2 && to[i] != NULL; i++) {
      va_list ap;
      va_start(ap, format);
      fprintf(to[i], "%s;", time);
      vfprintf(to[i], format, ap);
      fputc('\n', to[i]);
      va_end(ap);
   }
   if (self->log != NULL && fflush(self->log) != 0) {
      self->file_errors++;
      clearerr(self->log);
   }
}

void log_start(struct voip *self)
{
   log_line(self, LINE);
   log_line(self, "Start VoIP fraud detection module (version:" VERSION ") ...");
   log_line(self, "   Module configuration:");
   log_line(self, "    - max_prefix_length=%" PRIu32, self->max_prefix);
   log_line(self, "    - min_length_called_number=%" PRIu32, self->min_number);
   log_line(self, "    - prefix_examination_detection_threshold=%" PRIu32, self->limit);
   log_line(self, "    - detection_interval=%" PRIu64, self->interval);
   log_line(self, "    - detection_pause_after_attack=%" PRIu64, self->pause);
   log_line(self, "    - max_item_prefix_tree=%" PRIu32, self->max_targets);
   log_line(self, "    - clear_data_no_communication_after=%" PRIu64, self->clear);
   log_line(self, "    - event_id file=%s", self->event_id_path != NULL ? self->event_id_path : "disabled");
   if (self->countries_path != NULL) {
      log_line(self, "    - countries file=%s%s", self->countries_path, self->no_save ? " (not saved)" : "");
      log_line(self, "    - learn_countries_period=%" PRIu64, self->detect_at_once ? 0 : self->learn);
   }
   log_line(self, LINE);
}

static void log_counts(struct voip *self, uint64_t events, uint64_t attacks)
{
   log_line(self, "   - detection_event=%" PRIu64, events);
   log_line(self, "   - attack_detected=%" PRIu64, attacks);
}

void log_totals(struct voip *self)
{
   log_line(self, LINE);
   log_line(self, "Total module statistics:");
   log_line(self, " # Prefix examination:");
   log_counts(self, self->examinations, self->examination_attacks);
   log_line(self, " # Calling to different country:");
   log_counts(self, self->calls_abroad, self->country_attacks);
   log_line(self, " # Total number of attacks:");
   log_counts(self, self->examinations + self->calls_abroad,
              self->examination_attacks + self->country_attacks);
   log_line(self, " # Other statistics:");
   log_line(self, "   - received_invite_flow=%" PRIu64, self->invites);
   log_line(self, "   - invalid_sip_identifier=%" PRIu64, self->invalid);
   log_line(self, "... VoIP fraud detection module exit! (version:" VERSION ")");
   log_line(self, LINE);
   fflush(stdout);
}

/* What comes from outside, without characters that would act on a terminal. */
static const char *safe(char to[SAFE], const char *text, size_t n)
{
   nc_text_terminal(to, SAFE, text, n);
   return to;
}

void log_examination(nm_module_t *m, const ip_addr_t *ip, const struct caller *c, const struct examination *e,
                     const char *agent, bool continued)
{
   struct voip *self = nm_self(m);
   const struct target *best = &self->targets[e->best];
   char when[32], first[32], address[INET6_ADDRSTRLEN], to[SAFE], by[SAFE];
   ip_to_str(ip, address);
   log_line(self,
            "==> Detected Prefix Examination%s!; event_id=%" PRIu32 "; detection_time=\"%s\"; "
            "time_first=\"%s\"; SRC_IP=%s; SIP_TO=\"%s\"; User-Agent=\"%s\"; prefix_length=%" PRIu32
            "; prefix_examination_count=%" PRIu32 "; successful_call_count=%" PRIu32 "; invite_count=%" PRIu32
            "; IP_detection_event_count=%" PRIu32 "; IP_attack_detected_count=%" PRIu32 " <== # ",
            continued ? " (continuation)" : "", c->event_id, log_time(self->now, when),
            log_time(c->first, first), address, safe(to, target_text(self, best), best->length),
            safe(by, agent, strlen(agent)), e->prefix_length, e->count, e->answered, e->invites, c->events,
            c->attacks);
}

void log_country(nm_module_t *m, const struct message *msg, const struct countries *home, const char *country,
                 bool continued)
{
   struct voip *self = nm_self(m);
   char when[32], from[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN], to[SAFE];
   ip_to_str(&msg->caller, from);
   ip_to_str(&msg->peer, peer);
   log_line(self,
            "==> Detected Calling to Different Country%s!; event_id=%" PRIu32
            "; detection_time=\"%s\"; SRC_IP=%s; DST_IP=%s; SIP_TO=\"%s\"; country=%.2s <== # ",
            continued ? " (continuation)" : "", home->event_id, log_time(self->now, when), from, peer,
            safe(to, msg->target, msg->length), country);
}

void log_prefix(struct voip *self, const struct examination *e, const struct target *t)
{
   char time[32], text[SAFE];
   uint32_t n = t->length - e->depth;
   if (self->prefixes != NULL && n <= self->max_prefix) {
      fprintf(self->prefixes, "%s;%s;%" PRIu32 ";%u;\n", log_time(self->now, time),
              safe(text, target_text(self, t), n), n, t->answered > 0);
   }
}

void log_prefixes_end(nm_module_t *m)
{
   struct voip *self = nm_self(m);
   if (self->prefixes != NULL && fflush(self->prefixes) != 0) {
      self->file_errors++;
      nm_warn(m, "cannot write \"%s\": %s", self->prefixes_path, strerror(errno));
      clearerr(self->prefixes);
   }
}
