/* SPDX-License-Identifier: BSD-3-Clause */
#include "results.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nemea-common/nc_text.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const names[DETECTIONS] = {
    [REQUEST_TUNNEL] = "request tunnel",          [REQUEST_OTHER] = "request other",
    [RESPONSE_NAME] = "response tunnel (name)",   [RESPONSE_TXT] = "response tunnel (TXT)",
    [RESPONSE_CNAME] = "response tunnel (CNAME)", [RESPONSE_MX] = "response tunnel (MX)",
    [RESPONSE_NS] = "response tunnel (NS)",       [RESPONSE_OTHER] = "response other"};

/* ------------------------------------------------------------- text about anomalies */

/* A file of the folder. \return NULL: errno */
static FILE *open_result(const struct results *o, const char *name)
{
   int fd = openat(o->folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
   return fd >= 0 ? fdopen(fd, "w") : NULL;
}

int results_open(nm_module_t *m, struct results *o)
{
   o->folder_fd = -1;
   if (o->folder != NULL) {
      if (mkdir(o->folder, 0750) != 0 ||
          (o->folder_fd = open(o->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0) {
         return nm_fail(m, "cannot make the directory \"%s\": %s", o->folder, strerror(errno));
      }
      if ((o->found = open_result(o, "founded_anomaly.txt")) == NULL) {
         return nm_fail(m, "cannot write into \"%s\": %s", o->folder, strerror(errno));
      }
   }
   if (o->anomaly_file != NULL) {
      o->anomalies = fopen(o->anomaly_file, "ae");
      if (o->anomalies == NULL) {
         return nm_fail(m, "cannot write to \"%s\": %s", o->anomaly_file, strerror(errno));
      }
      fputs("START TIME\n", o->anomalies);
   }
   return NM_OK;
}

void results_close(struct results *o)
{
   if (o->anomalies != NULL) {
      fclose(o->anomalies);
   }
   if (o->found != NULL) {
      fclose(o->found);
   }
   if (o->folder != NULL && o->folder_fd >= 0) {
      close(o->folder_fd);
   }
}

void results_window(struct results *o, uint64_t now)
{
   o->window = now;
   o->window_shown = false;
}

static void describe(FILE *to, const struct results *o, const ip_addr_t *ip, const struct client *c,
                     enum detection d)
{
   const struct tree *t = c->trees[tree_of(d)];
   char address[INET6_ADDRSTRLEN], sample[4 * SAMPLE_SIZE + 1] = "";
   if (to == NULL) {
      return;
   }
   if (!o->window_shown) {
      fprintf(to, "TIME: %" PRIu64 "\n", o->window);
   }
   ip_to_str(ip, address);
   fprintf(to, "%s\n\t%s, event %" PRIu32 "\n", address, names[d], c->found[d].event);
   if (t != NULL) {
      nc_text_terminal(sample, sizeof(sample), t->sample, t->sample_length);
      fprintf(to,
              "\tinserts %" PRIu32 ", names %" PRIu32 ", seen once %" PRIu32
              ", below one domain %.3f\n\tsample %s\n",
              t->inserts, t->names, t->rare, tree_share_below(t), sample);
   }
}

void results_attack(struct results *o, const ip_addr_t *ip, const struct client *c, enum detection d)
{
   describe(o->anomalies, o, ip, c, d);
   describe(o->found, o, ip, c, d);
   o->window_shown = true;
}

/* ------------------------------------------------------------------------- results */

void results_client(struct results *o, const ip_addr_t *ip, const struct client *c)
{
   (void) ip;
   if (o->folder == NULL) {
      return;
   }
   for (unsigned i = 0; i < REQUEST_BINS; i++) {
      o->request_sums[i] += c->request_bins[i];
      o->few_sums[i] += c->request_few[i];
   }
   for (unsigned i = 0; i < RESPONSE_BINS; i++) {
      o->response_sums[i] += c->response_bins[i];
   }
}

static bool write_sums(const struct results *o, const char *name, const uint64_t *sums, unsigned n)
{
   FILE *file = open_result(o, name);
   if (file == NULL) {
      return false;
   }
   for (unsigned i = 0; i < n; i++) {
      fprintf(file, "%u\t%" PRIu64 "\n", i * 10, sums[i]);
   }
   return (fclose(file) == 0);
}

/* One line a client that is suspected. */
static bool write_clients(const struct results *o, const char *name, const struct tunnels *t, bool requests)
{
   FILE *file = open_result(o, name);
   const void *key;
   void *value;
   if (file == NULL) {
      return false;
   }
   for (uint32_t cursor = 0; nc_table_next(t->clients, &cursor, &key, &value);) {
      const struct client *c = value;
      char address[INET6_ADDRSTRLEN];
      ip_to_str(key, address);
      fputs(address, file);
      for (unsigned d = requests ? REQUEST_TUNNEL : RESPONSE_NAME;
           d < (requests ? RESPONSE_NAME : DETECTIONS); d++) {
         const struct tree *tree = names[d] != NULL ? c->trees[tree_of((enum detection) d)] : NULL;
         if (tree != NULL && c->found[d].state != NOTHING) {
            fprintf(file, "\t%s\t%" PRIu64, names[d], tree->all_inserts);
         }
      }
      fputc('\n', file);
   }
   return fclose(file) == 0;
}

static bool write_suspicions(const struct results *o, const struct tunnels *t)
{
   FILE *file = open_result(o, "suspision_list.txt");
   const void *key;
   void *value;
   if (file == NULL) {
      return false;
   }
   for (uint32_t cursor = 0; nc_table_next(t->clients, &cursor, &key, &value);) {
      const struct client *c = value;
      char address[INET6_ADDRSTRLEN];
      ip_to_str(key, address);
      for (unsigned d = 1; d < DETECTIONS; d++) {
         if (c->found[d].state != NOTHING) {
            fprintf(file, "%s\t%s\t%s\n", address, names[d],
                    c->found[d].state == ATTACK ? "attack" : "suspicion");
         }
      }
   }
   return fclose(file) == 0;
}

int results_finish(nm_module_t *m, struct results *o, const struct tunnels *t)
{
   if (o->anomalies != NULL && fflush(o->anomalies) != 0) {
      return nm_fail(m, "cannot write to \"%s\": %s", o->anomaly_file, strerror(errno));
   }
   if (o->folder != NULL &&
       (fflush(o->found) != 0 || !write_sums(o, "summary_requests.dat", o->request_sums, REQUEST_BINS) ||
        !write_sums(o, "summary_responses.dat", o->response_sums, RESPONSE_BINS) ||
        !write_sums(o, "request_letters_count.dat", o->few_sums, REQUEST_BINS) ||
        !write_clients(o, "requests.dat", t, true) || !write_clients(o, "responses.dat", t, false) ||
        !write_suspicions(o, t))) {
      return nm_fail(m, "cannot write into \"%s\": %s", o->folder, strerror(errno));
   }
   return NM_OK;
}

/* -------------------------------------------------------------------------- measure */

struct range {
   double min, max;
};

static void widen(struct range *r, double value)
{
   r->min = value < r->min ? value : r->min;
   r->max = value > r->max ? value : r->max;
}

static void print_limits(char letter, const struct range *average, const struct range *spread)
{
   if (average->max >= average->min) {
      printf("-%c %.0f,%.0f,%.0f,%.0f ", letter, average->min, average->max, spread->min, spread->max);
   }
}

/* From the clients with at least two messages of a kind. */
void results_measure(const struct tunnels *t)
{
   struct range average[2] = {{1e18, -1}, {1e18, -1}}, spread[2] = {{1e18, -1}, {1e18, -1}};
   const void *key;
   void *value;
   for (uint32_t cursor = 0; nc_table_next(t->clients, &cursor, &key, &value);) {
      const struct client *c = value;
      const struct sizes *sizes[2] = {&c->requests, &c->responses};
      for (unsigned i = 0; i < 2; i++) {
         if (sizes[i]->count > 1) {
            widen(&average[i], mean(sizes[i]));
            widen(&spread[i], variance(sizes[i]));
         }
      }
   }
   print_limits('g', &average[0], &spread[0]);
   print_limits('r', &average[1], &spread[1]);
   printf("\n");
}

/* ------------------------------------------------------------------------ event ids */

uint32_t event_id_read(nm_module_t *m, const char *path)
{
   uint64_t id = 0;
   char text[32] = "";
   if (strcmp(path, "-") == 0) {
      return 0;
   }
   FILE *file = fopen(path, "re");
   bool read = file != NULL && fgets(text, sizeof(text), file) != NULL;
   text[strcspn(text, "\r\n")] = 0;
   if (!read || !nm_number(text, 0, UINT32_MAX, &id)) {
      nm_warn(m, "no number of an event in \"%s\": it begins at 0", path);
      id = 0;
   }
   if (file != NULL) {
      fclose(file);
   }
   return (uint32_t) id;
}

/* Written beside and renamed: there is always a whole number. */
int event_id_write(nm_module_t *m, const char *path, uint32_t next)
{
   char beside[4096];
   if (strcmp(path, "-") == 0) {
      return NM_OK;
   }
   int n = snprintf(beside, sizeof(beside), "%s.new", path);
   FILE *file = n > 0 && (size_t) n < sizeof(beside) ? fopen(beside, "we") : NULL;
   bool written = file != NULL && fprintf(file, "%" PRIu32 "\n", next) > 0;
   written = file != NULL && fclose(file) == 0 && written;
   if (!written || rename(beside, path) != 0) {
      nm_warn(m, "cannot write the next number of events to \"%s\": %s", path, strerror(errno));
   }
   return NM_OK;
}
