/* SPDX-License-Identifier: BSD-3-Clause */
/** A module's logic inside a unit test. */
#include "internal.h"

#include <getopt.h>
#include <nemea/module_test.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unirec/unirec2csv.h>
#include <unistd.h>

#define MAX_WORDS 64

/* A message that the module sent. */
struct message {
   struct message *next;
   char *text;
   size_t length;
};

struct nm_test {
   nm_module_t m;
   char *words; /* the command line, and its words: modules keep pointers to both, as to those of main() */
   char *argv[MAX_WORDS + 1];
   ur_field_id_t *columns[MAX_INTERFACES];
   uint16_t n_columns[MAX_INTERFACES];
   uint64_t seq[MAX_INTERFACES];
   struct message *first[MAX_INTERFACES], **end[MAX_INTERFACES];
   uint32_t pending[MAX_INTERFACES];
   urcsv_t *csv[MAX_INTERFACES]; /* of outputs */
   char *last, *format;          /* what the test was given last */
   size_t last_length;
   char *room;
   bool drop, opened;
};

/* ------------------------------------------- in place of libtrap's outputs */

void test_format(nm_module_t *m, uint32_t output)
{
   struct nm_test *t = m->test;
   urcsv_free(&t->csv[output]);
   t->csv[output] = urcsv_init(m->out[output].tmplt, ',');
}

void *test_room(nm_module_t *m)
{
   struct nm_test *t = m->test;
   if (t->room == NULL) {
      t->room = calloc(1, UR_MAX_SIZE + 1);
   }
   return t->room;
}

int test_sent(nm_module_t *m, uint32_t output, const void *data, uint16_t size)
{
   struct nm_test *t = m->test;
   struct message *message = calloc(1, sizeof(*message));
   if (t->drop || message == NULL) {
      free(message);
      return TRAP_E_TIMEOUT;
   }
   size_t length = size;
   const ur_template_t *tmplt = m->out[output].tmplt;
   bool record = tmplt != NULL && size > 0 && ur_rec_check(tmplt, data, size);
   const char *text = record ? urcsv_line(t->csv[output], data, &length) : data;
   message->text = calloc(1, length + 1);
   message->length = length;
   if (text != NULL && message->text != NULL) {
      memcpy(message->text, text, length);
   }
   *t->end[output] = message;
   t->end[output] = &message->next;
   t->pending[output]++;
   return TRAP_E_OK;
}

/* ------------------------------------------------------------------- life */

static int parse(nm_test_t *t)
{
   char *save = NULL;
   int argc = 0;
   t->argv[argc++] = (char *) (uintptr_t) t->m.def->name;
   for (char *w = strtok_r(t->words, " ", &save); w != NULL && argc < MAX_WORDS;
        w = strtok_r(NULL, " ", &save)) {
      t->argv[argc++] = w;
   }
   optind = 0; /* resets getopt() */
   return options_parse(&t->m, argc, t->argv);
}

static int start(nm_test_t *t)
{
   nm_module_t *m = &t->m;
   const nm_module_def_t *def = m->def;
   char files[MAX_INTERFACES + 1] = {0};
   memset(files, TRAP_IFC_TYPE_FILE, MAX_INTERFACES);
   int rc = parse(t);
   if (rc == NM_OK && def->check != NULL) {
      rc = outcome(m, def->check(m));
   }
   rc = rc == NM_OK ? resources_open(m) : rc;
   rc = rc == NM_OK ? outputs_open(m) : rc;
   rc = rc == NM_OK ? inputs_open(m, files) : rc;
   if (rc == NM_OK) {
      t->opened = true;
      clock_start(m);
      m->clock.follow = false;
      rc = def->init != NULL ? outcome(m, def->init(m)) : NM_OK;
   }
   return rc;
}

NM_PUBLIC nm_test_t *nm_test_new_with(const nm_module_def_t *def, const char *arguments, uint32_t inputs,
                                      uint32_t outputs)
{
   nm_test_t *t = calloc(1, sizeof(*t));
   if (t == NULL || inputs > MAX_INTERFACES || outputs > MAX_INTERFACES) {
      free(t);
      return NULL;
   }
   t->m.def = def;
   t->m.flags = def->flags;
   t->m.test = t;
   t->m.n_in = inputs;
   t->m.n_out = outputs;
   t->m.state = calloc(1, def->state_size > 0 ? def->state_size : 1);
   t->words = strdup(arguments);
   for (uint32_t i = 0; i < MAX_INTERFACES; i++) {
      t->end[i] = &t->first[i];
   }
   interfaces_declare(&t->m);
   if (t->m.state == NULL || t->words == NULL) {
      nm_test_free(t);
      return NULL;
   }
   if (start(t) == NM_ERROR) {
      t->m.failed = true;
   }
   return t;
}

NM_PUBLIC nm_test_t *nm_test_new(const nm_module_def_t *def, const char *arguments)
{
   nm_module_t m = {.def = def};
   int in, out;
   interfaces_declare(&m);
   interfaces_range(&m, &in, &out);
   return nm_test_new_with(def, arguments, in == NM_VARIABLE ? 2 : (uint32_t) in,
                           out == NM_VARIABLE ? 2 : (uint32_t) out);
}

NM_PUBLIC void nm_test_free(nm_test_t *t)
{
   if (t == NULL) {
      return;
   }
   nm_module_t *m = &t->m;
   if (m->def->cleanup != NULL && m->state != NULL) {
      m->def->cleanup(m);
   }
   if (m->state != NULL) {
      resources_close(m);
   }
   for (uint32_t i = 0; i < MAX_INTERFACES; i++) {
      for (struct message *message = t->first[i], *next; message != NULL; message = next) {
         next = message->next;
         free(message->text);
         free(message);
      }
      urcsv_free(&t->csv[i]);
      free(t->columns[i]);
   }
   inputs_close(m);
   outputs_close(m);
   ur_finalize();
   free(m->fields);
   free(m->state);
   free(m->message);
   free(t->words);
   free(t->last);
   free(t->format);
   free(t->room);
   free(t);
}

NM_PUBLIC nm_module_t *nm_test_module(nm_test_t *t)
{
   return &t->m;
}

NM_PUBLIC const char *nm_test_error(const nm_test_t *t)
{
   return !t->m.failed ? NULL : t->m.message != NULL ? t->m.message : "failed";
}

NM_PUBLIC int nm_test_status(const nm_test_t *t)
{
   return t->m.failed ? t->m.status : EXIT_SUCCESS;
}

/* Failed once, failed for good. */
static int result(nm_test_t *t, int rc)
{
   t->m.failed |= rc == NM_ERROR;
   return rc;
}

/* ----------------------------------------------------------------- input */

static bool usable(nm_test_t *t, uint32_t input)
{
   if (t->m.failed || !t->opened) {
      return false;
   }
   if (input >= t->m.n_in) {
      nm_fail(&t->m, "test: input %u does not exist: there are %u", input, t->m.n_in);
      return false;
   }
   return true;
}

/* An input that ended is not read any more. */
static bool ended(const nm_test_t *t, uint32_t input)
{
   return !t->m.in[input].active;
}

static int remember_columns(nm_test_t *t, uint32_t input, const char *typed_fields)
{
   char *names = ur_ifc_data_fmt_to_field_names(typed_fields), *save = NULL;
   free(t->columns[input]);
   t->columns[input] = calloc(strlen(typed_fields) + 1, sizeof(*t->columns[input]));
   t->n_columns[input] = 0;
   for (char *name = names != NULL && t->columns[input] != NULL ? strtok_r(names, ",", &save) : NULL;
        name != NULL; name = strtok_r(NULL, ",", &save)) {
      t->columns[input][t->n_columns[input]++] = (ur_field_id_t) ur_get_id_by_name(name);
   }
   free(names);
   return NM_OK;
}

NM_PUBLIC int nm_test_format(nm_test_t *t, uint32_t input, const char *typed_fields)
{
   if (!usable(t, input)) {
      return result(t, NM_ERROR);
   }
   static const uint8_t types[] = {[NM_UNIREC] = TRAP_FMT_UNIREC,
                                   [NM_JSON] = TRAP_FMT_JSON,
                                   [NM_RAW] = TRAP_FMT_RAW,
                                   [NM_ANY] = TRAP_FMT_UNIREC};
   enum nm_data data = t->m.in[input].def->data;
   if (ended(t, input)) {
      return NM_STOP;
   }
   int rc = input_format(&t->m, input, types[data], typed_fields);
   if (rc != NM_ERROR && data == NM_UNIREC) {
      remember_columns(t, input, typed_fields);
   }
   return result(t, rc);
}

NM_PUBLIC int nm_test_feed_batch(nm_test_t *t, uint32_t input, const nm_record_t *recs, uint32_t n)
{
   if (!usable(t, input)) {
      return result(t, NM_ERROR);
   }
   return ended(t, input) ? NM_STOP : result(t, deliver(&t->m, input, recs, n));
}

NM_PUBLIC int nm_test_feed_bytes(nm_test_t *t, uint32_t input, const void *data, uint16_t size, uint64_t seq)
{
   if (!usable(t, input)) {
      return result(t, NM_ERROR);
   }
   /* Memory of exactly its size, so that reading past the record is seen. */
   void *copy = malloc(size > 0 ? size : 1);
   if (copy == NULL) {
      return result(t, nm_fail(&t->m, "out of memory"));
   }
   memcpy(copy, data, size);
   t->seq[input] = seq != 0 ? seq : t->seq[input] + 1;
   nm_record_t rec = {.data = copy, .size = size, .seq = t->seq[input]};
   int rc = nm_test_feed_batch(t, input, &rec, 1);
   free(copy);
   return rc;
}

NM_PUBLIC int nm_test_feed(nm_test_t *t, uint32_t input, const char *values)
{
   if (!usable(t, input)) {
      return result(t, NM_ERROR);
   }
   const ur_template_t *tmplt = t->m.in[input].tmplt;
   ur_field_id_t bad = 0;
   if (tmplt == NULL || t->columns[input] == NULL) {
      return result(t, nm_fail(&t->m, "test: input %u has no format: call nm_test_format() first", input));
   }
   void *rec = calloc(1, UR_MAX_SIZE);
   if (rec == NULL) {
      return result(t, nm_fail(&t->m, "out of memory"));
   }
   uint16_t columns = 1;
   for (const char *p = values; *p != 0 && columns < t->n_columns[input]; p++) {
      columns = (uint16_t) (columns + (*p == ','));
   }
   int rc = urcsv_parse(tmplt, rec, values, ',', t->columns[input], columns, &bad);
   rc = rc != 0 ? result(t, nm_fail(&t->m, "test: \"%s\": bad value of field %s", values, ur_get_name(bad)))
                : nm_test_feed_bytes(t, input, rec, (uint16_t) ur_rec_size(tmplt, rec), 0);
   free(rec);
   return rc;
}

NM_PUBLIC int nm_test_advance(nm_test_t *t, ur_time_t time)
{
   return t->m.failed ? NM_ERROR : result(t, clock_advance(&t->m, time));
}

NM_PUBLIC int nm_test_idle(nm_test_t *t)
{
   return t->m.failed || t->m.def->idle == NULL ? NM_OK : result(t, outcome(&t->m, t->m.def->idle(&t->m)));
}

NM_PUBLIC int nm_test_signal(nm_test_t *t, int signal)
{
   nm_events |= signal == SIGHUP ? EVENT_RELOAD : signal == SIGUSR1 ? EVENT_USR1 : EVENT_USR2;
   return t->m.failed ? NM_ERROR : result(t, handle_events(&t->m));
}

NM_PUBLIC int nm_test_source(nm_test_t *t)
{
   return t->m.failed || t->m.def->source == NULL ? NM_ERROR
                                                  : result(t, outcome(&t->m, t->m.def->source(&t->m)));
}

NM_PUBLIC int nm_test_end(nm_test_t *t, uint32_t input)
{
   if (!usable(t, input)) {
      return result(t, NM_ERROR);
   }
   return ended(t, input) ? NM_STOP : result(t, input_end(&t->m, input));
}

NM_PUBLIC int nm_test_finish(nm_test_t *t)
{
   if (t->m.failed || t->m.def->finish == NULL) {
      return t->m.failed ? NM_ERROR : NM_OK;
   }
   return result(t, outcome(&t->m, t->m.def->finish(&t->m)));
}

/* ---------------------------------------------------------------- output */

NM_PUBLIC const char *nm_test_next(nm_test_t *t, uint32_t output)
{
   struct message *message = output < MAX_INTERFACES ? t->first[output] : NULL;
   free(t->last);
   t->last = NULL;
   if (message != NULL) {
      t->last = message->text;
      t->last_length = message->length;
      t->first[output] = message->next;
      t->end[output] = message->next != NULL ? t->end[output] : &t->first[output];
      t->pending[output]--;
      free(message);
   }
   return t->last;
}

NM_PUBLIC const void *nm_test_next_bytes(nm_test_t *t, uint32_t output, size_t *size)
{
   const char *bytes = nm_test_next(t, output);
   *size = bytes != NULL ? t->last_length : 0;
   return bytes;
}

NM_PUBLIC const char *nm_test_output_format(nm_test_t *t, uint32_t output)
{
   const ur_template_t *tmplt = nm_out_n(&t->m, output);
   free(t->format);
   t->format = tmplt != NULL ? ur_template_string(tmplt) : NULL;
   return t->format;
}

NM_PUBLIC uint32_t nm_test_pending(const nm_test_t *t, uint32_t output)
{
   return output < MAX_INTERFACES ? t->pending[output] : 0;
}

NM_PUBLIC uint64_t nm_test_counter(const nm_test_t *t, const char *name)
{
   return nm_counter_value(&t->m, name);
}

NM_PUBLIC void nm_test_drop(nm_test_t *t, bool drop)
{
   t->drop = drop;
}

/* ------------------------------------------------- what the module prints */

static int caught_fd = -1, caught_file, caught_before; /* -1: nothing is caught */
static char *caught;

NM_PUBLIC bool nm_test_catch(int fd)
{
   fflush(NULL);
   caught_file = memfd_create("caught", MFD_CLOEXEC);
   caught_before = fcntl(fd, F_DUPFD_CLOEXEC, 3);
   if (caught_fd >= 0 || caught_file < 0 || caught_before < 0 || dup2(caught_file, fd) < 0) {
      return false;
   }
   caught_fd = fd;
   return true;
}

NM_PUBLIC const char *nm_test_caught(void)
{
   free(caught);
   caught = NULL;
   if (caught_fd < 0) {
      return NULL;
   }
   fflush(NULL);
   dup2(caught_before, caught_fd);
   caught_fd = -1;
   off_t size = lseek(caught_file, 0, SEEK_END);
   caught = size >= 0 ? calloc(1, (size_t) size + 1) : NULL;
   if (caught != NULL && pread(caught_file, caught, (size_t) size, 0) != size) {
      free(caught);
      caught = NULL;
   }
   close(caught_file);
   close(caught_before);
   return caught;
}
